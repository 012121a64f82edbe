"""A real browser for the tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from deploy.lab.archive import NoArchiveError
from deploy.lab.tools import chromium
from deploy.lab.unpack import UnpackError
from tests.integration.scripted_desk import PASSWORD

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_MS = 10_000
expect.set_options(timeout=LIMIT_MS)


class NoBrowserError(Exception):
    """There is no Chromium and none can be had; the text says why."""


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A running Chromium with a profile of its own. Raises NoBrowserError."""
    try:
        program = chromium()
    except (UnpackError, NoArchiveError) as missing:
        raise NoBrowserError(f"no Chromium can be had here: {missing}") from missing
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program.argv[0],
            args=list(FLAGS),
            env=program.environment,  # type: ignore[arg-type]
        )
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """One person at one page; keeps what went wrong in it."""

    def __init__(self, context: BrowserContext, page: Page, served: Any) -> None:
        self.context = context
        self.page = page
        self.served = served
        self.faults: list[str] = []
        self.dialogs: list[str] = []
        page.set_default_timeout(LIMIT_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._console)
        page.on("dialog", self._dialog)

    def _console(self, message: Any) -> None:
        # The browser itself writes a line for each refused request; those are part of what is tested.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    async def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def sign_in(self, agent: str = "anna", password: str = PASSWORD) -> None:
        await self.page.goto(self.served.origin)
        await self.page.locator("[name=agent]").fill(agent)
        await self.page.locator("[name=password]").fill(password)
        await self.page.keyboard.press("Enter")

    async def enter(self, agent: str = "anna") -> None:
        """Sign in and wait until the desk is there."""
        await self.sign_in(agent)
        await self.page.locator("[data-queue]").first.wait_for()


@contextlib.asynccontextmanager
async def visiting(browser: Browser, served: Any, **options: Any) -> AsyncIterator[Visitor]:
    """A person with a fresh profile, before whatever serves at ``served.origin``."""
    context = await browser.new_context(**{"locale": "en-GB", **options})
    try:
        yield Visitor(context, await context.new_page(), served)
    finally:
        await context.close()
