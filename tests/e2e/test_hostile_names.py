"""A hostile caller name goes from SIP to pop, page, MQTT, store and log, and does nothing on its way."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import aiomqtt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from deploy.lab.centre import Centre
from deploy.lab.phones import Phones
from deploy.lab.rawsip import RawCall
from tests.integration.chromium import LIMIT_MS
from tests.integration.mosquitto_broker import MosquittoBroker

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.mosquitto,
    pytest.mark.asyncio(loop_scope="module"),
]

TOUCHED = "pbxd-was-here"
NAMES = {
    "shell": b"${SHELL(touch /tmp/pbxd-was-here)} `touch /tmp/pbxd-was-here`",
    "quotes": rb"x\" , y; \\ \' OR 1=1; DROP TABLE contacts; --",
    "html": b"<img src=x onerror=alert(1)><script>alert(2)</script>",
    "commas": b"Smith, EVIL=1, X=2",
    "long": b"A" * 10_000,
    "broken": b"\xff\xfe\xc3(\xe5\xbc zhang",
    "folded": b"a\r\n Action: Originate\r\n Channel: Local/1@x",
    "control": b"a\tb\x07\x1b[31m\x1b]0;title\x07",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre_with_broker(suite: str, broker: MosquittoBroker) -> AsyncIterator[Centre]:
    async with Centre(suite, more={"mqtt": {"url": broker.url}}) as centre:
        yield centre


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser: Browser, centre_with_broker: Centre) -> AsyncIterator[Page]:
    """Anna's page in a real browser; a dialog or a fault of a script would be the caller's doing."""
    faults: list[str] = []
    page = await browser.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(centre_with_broker.url)
    await page.locator("[name=agent]").fill("anna")
    await page.locator("[name=password]").fill(centre_with_broker.password)
    await page.keyboard.press("Enter")
    await page.locator("[data-queue]").first.wait_for()
    yield page
    assert faults == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
async def test_a_name_does_nothing_on_its_way(
    centre_with_broker: Centre, broker: MosquittoBroker, page: Page, all_phones: Phones, name: bytes
) -> None:
    centre = centre_with_broker
    anna = await all_phones.agent(centre.switch, "1001")
    logged = len(centre.log())
    async with (
        aiomqtt.Client("127.0.0.1", broker.port) as client,
        centre.page("anna") as desk,
        RawCall.dial(centre.switch, "501", name=name, number=b"02012345678", trunk="trunk-queue") as call,
    ):
        await client.subscribe("pbxd/#", qos=1)
        pop = await desk.pop()
        await anna.answer()
        await call.answered()
        published = await _published(client, pop["id"])
        await _shown_harmlessly(page, pop["caller"]["name"])
    await anna.on_hook()
    await centre.switch.leak_check()
    await centre.quiet()

    shown = pop["caller"]["name"]
    assert published["caller"] == pop["caller"]
    assert len(shown) <= 200
    assert shown.isprintable(), "no line end, no control character, nothing unprintable"
    stored = await _stored(centre, pop["call"])
    assert stored.isprintable()
    lines = centre.log()[logged:].splitlines()
    assert not [line for line in lines if " error " in line or "Traceback" in line]
    assert "\x1b" not in centre.log()[logged:]
    assert TOUCHED not in os.listdir("/tmp")


async def _published(client: aiomqtt.Client, pop: str) -> dict[str, dict[str, str]]:
    """The screen pop as it comes by MQTT."""
    async for message in client.messages:
        if str(message.topic).endswith("/screenpop"):
            body: dict[str, dict[str, str]] = json.loads(bytes(message.payload))  # type: ignore[arg-type]
            if body["id"] == pop:
                return body
    raise AssertionError("the broker went away")


async def _shown_harmlessly(page: Page, name: str) -> None:
    """The page shows the name as text, and holds nothing that the name would have made of it."""
    await page.get_by_text(name[:40], exact=False).first.wait_for()
    assert await page.locator("img[src=x], script:not([src])").count() == 0


async def _stored(centre: Centre, call: str) -> str:
    rows: list[tuple[str]] = []

    def there() -> bool:
        with closing(sqlite3.connect(f"file:{centre.folder}/pbxd.db?mode=ro", uri=True)) as database:
            rows[:] = database.execute("SELECT name FROM contacts WHERE call = ?", (call,)).fetchall()
        return bool(rows)

    await centre.until(there, "the contact is in the store")
    return rows[0][0]
