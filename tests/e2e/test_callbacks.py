"""A caller on hold for too long, on a real Asterisk: asked whether he would rather be called back."""

from __future__ import annotations

import pytest

from tests.e2e.floor import CALLER, SETTINGS, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

GUARD = {"after": "4s", "then": "offer", "prompt": "pls-hold-while-try"}
MORE = {"transfers": {**SETTINGS["transfers"], "hold_guard": GUARD}}


async def offered(floor: Floor) -> None:
    """Anna consults with Bruno, and her caller hears the offer meanwhile."""
    await floor.talking(reason="an invoice")
    await floor.becomes("returning", within_s=20.0)
    await floor.together(floor.anna, floor.bruno)


async def test_he_wants_to_be_called_back_then_stays_then_is_off_the_list(floor: Floor) -> None:
    page = await floor.page("anna")
    await offered(floor)
    # No key: he is with Anna again.
    await floor.ends("cancelled", within_s=60.0)
    await floor.together(floor.anna, floor.caller)
    assert page.callbacks == []

    await floor.start("agent:bruno", reason="an invoice")
    await floor.bruno.answer()
    await floor.becomes("returning", within_s=20.0)
    await floor.caller.keys("1")
    await page.until(lambda: bool(page.callbacks), "the call-back on the page", 20.0)
    (wish,) = page.callbacks
    assert (wish["caller"]["number"], wish["reason"], wish["agent"]) == (CALLER, "an invoice", "anna")
    await floor.caller.on_hook()
    await floor.ends("caller_left", within_s=20.0)
    answer = await page.order("callback.done", callback=wish["id"])
    assert answer["outcome"] == "done", answer
    await page.until(lambda: not page.callbacks, "an empty list")
    await floor.anna.on_hook()
