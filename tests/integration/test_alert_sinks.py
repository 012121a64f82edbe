"""Each sink against a real server: what it sends to the byte, its signature, and what becomes of failures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import ssl
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pbxd.edge.alerts import AlertEdge
from pbxd.edge.alerts.delivery import Delivery
from pbxd.edge.alerts.sink import FailedError, Notice, RefusedError
from pbxd.edge.alerts.wording import wording
from pbxd.effects import Announce
from pbxd.settings.alerts import Alerts
from tests.integration.alert_receivers import MailReceiver, WebReceiver
from tests.integration.patience import until

HOSTILE = 'Eve <@all> <!channel> @everyone [x](http://evil) **b** "q" & \\'
BODY: Mapping[str, Any] = {
    "version": 1,
    "id": "caller_waits/pbx1:1700000000.1/1700000300",
    "event": "begun",
    "at": 1700000300.0,
    "kind": "caller_waits",
    "node": "pbx1",
    "queue": "support",
    "call": "pbx1:1700000000.1",
    "caller": {"number": "+8613800138000", "name": HOSTILE},
    "since": 1700000000.0,
    "waited_s": 300.0,
    "limit_s": 300.0,
    "began": 1700000300.0,
    "waiting": None,
    "how": None,
    "call_back": "tel:+8613800138000",
}
WEB = {**BODY, "call_back": "https://crm.example/?to=%2B8613800138000&a=1|2"}
INERT = 'Eve ‹＠all› ‹!channel› ＠everyone [x](http://evil) **b** "q" & \\'
TITLE = "support: a caller has waited for 5 min"


class Bench:
    """An alert edge with one sink, and what it has counted."""

    def __init__(self, **sink: Any) -> None:
        more = sink.pop("settings", {})
        settings = Alerts.model_validate(
            {"sinks": [{"name": "one", "show_numbers": True, **sink}], "retry_most": "50ms", **more}
        )
        self.counts: Counter[str] = Counter()
        self.edge = AlertEdge(settings, self._count, board="https://pbxd.example/wallboard")

    def _count(self, metric: str, value: float = 1, **labels: str) -> None:
        name = "attempts" if "attempts" in metric else labels["outcome"]
        self.counts[name] += int(value)

    def tell(self, body: Mapping[str, Any] = BODY) -> None:
        self.edge.announce(Announce(sinks=("one",), body=body))

    async def tells(self, body: Mapping[str, Any] = BODY, *, outcome: str = "delivered") -> None:
        self.tell(body)
        await until(lambda: self.counts[outcome] == 1)


@asynccontextmanager
async def bench(**sink: Any) -> AsyncIterator[Bench]:
    it = Bench(**sink)
    it.edge.open()
    running = asyncio.create_task(it.edge.run())
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.wait([running])


# ---------------------------------------------------------------- what each is sent


async def test_webhook() -> None:
    async with WebReceiver() as web, bench(kind="webhook", url=web.url, secret="s3cret") as it:
        await it.tells()
    [request] = web.requests
    assert request.body == json.dumps(dict(BODY), ensure_ascii=False, separators=(",", ":")).encode()
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["x-pbxd-event"] == "alert.begun"
    time, mac = (part.partition("=")[2] for part in request.headers["x-pbxd-signature"].split(","))
    signed = hmac.new(b"s3cret", time.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert mac == signed


async def test_webhook_without_a_secret_and_without_the_number() -> None:
    async with WebReceiver() as web, bench(kind="webhook", url=web.url, show_numbers=False) as it:
        await it.tells()
    [request] = web.requests
    assert "x-pbxd-signature" not in request.headers
    told = json.loads(request.body)
    assert told["caller"]["number"] == "***000"
    assert told["call_back"] is None
    assert b"8613800138" not in request.body


async def test_wecom() -> None:
    async with (
        WebReceiver(answers=[(200, b'{"errcode":0,"errmsg":"ok"}')]) as web,
        bench(kind="wecom", url=f"{web.url}?key=abc") as it,
    ):
        await it.tells()
    [request] = web.requests
    assert request.target == "/hook?key=abc"
    content = f"{TITLE}\nCaller: +8613800138000 ({INERT})\nSwitch: pbx1\nCall back: tel:+8613800138000"
    assert json.loads(request.body) == {"msgtype": "text", "text": {"content": content}}


async def test_dingtalk() -> None:
    async with (
        WebReceiver(answers=[(200, b'{"errcode":0,"errmsg":"ok"}')]) as web,
        bench(kind="dingtalk", url=f"{web.url}?access_token=abc", secret="SECx", language="zh") as it,
    ):
        await it.tells()
    [request] = web.requests
    query = parse_qs(urlsplit(request.target).query)
    assert query["access_token"] == ["abc"]
    to_sign = f"{query['timestamp'][0]}\nSECx"
    signed = base64.b64encode(hmac.new(b"SECx", to_sign.encode(), hashlib.sha256).digest()).decode()
    assert query["sign"] == [signed]
    assert len(query["timestamp"][0]) == 13
    lines = json.loads(request.body)["text"]["content"].split("\n")
    assert lines == [
        "support：有来电者已等待 5 分",
        f"来电者：+8613800138000 ({INERT})",
        "交换机：pbx1",
        "回拨: tel:+8613800138000",
    ]


async def test_feishu() -> None:
    async with (
        WebReceiver(answers=[(200, b'{"code":0,"msg":"success","data":{}}')]) as web,
        bench(kind="feishu", url=web.url, secret="abc") as it,
    ):
        await it.tells(WEB)
    told = json.loads(web.requests[0].body)
    key = f"{told['timestamp']}\nabc".encode()
    assert told["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert told["msg_type"] == "post"
    assert told["content"] == {
        "post": {
            "en_us": {
                "title": TITLE,
                "content": [
                    [{"tag": "text", "text": f"Caller: +8613800138000 ({INERT})"}],
                    [{"tag": "text", "text": "Switch: pbx1"}],
                    [{"tag": "a", "text": "Call back", "href": WEB["call_back"]}],
                ],
            }
        }
    }


async def test_slack() -> None:
    async with WebReceiver() as web, bench(kind="slack", url=web.url) as it:
        await it.tells({**WEB, "queue": "<!here> & co"})
    told = json.loads(web.requests[0].body)
    assert told["text"] == "&lt;!here&gt; &amp; co: a caller has waited for 5 min"
    header, section, link = told["blocks"]
    assert header["text"] == {
        "type": "plain_text",
        "text": "<!here> & co: a caller has waited for 5 min",
        "emoji": False,
    }
    assert section["text"]["type"] == "plain_text"
    assert section["text"]["text"] == f"Caller: +8613800138000 ({HOSTILE})\nSwitch: pbx1"
    markup = "<https://crm.example/?to=%2B8613800138000&amp;a=1%7C2|Call back>"
    assert link == {"type": "section", "text": {"type": "mrkdwn", "text": markup}}


async def test_teams() -> None:
    async with WebReceiver(answers=[(202, b"")]) as web, bench(kind="teams", url=web.url) as it:
        await it.tells(WEB)
    told = json.loads(web.requests[0].body)
    assert told["type"] == "message"
    [attachment] = told["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [block["inlines"][0] for block in card["body"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert [run["text"] for run in runs] == [TITLE, f"Caller: +8613800138000 ({HOSTILE})", "Switch: pbx1"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Call back", "url": WEB["call_back"]}]


@pytest.mark.parametrize("kind", ["slack", "teams", "feishu"])
async def test_a_telephone_link_is_told_as_text(kind: str) -> None:
    async with WebReceiver(answers=[(200, b'{"code":0}')]) as web, bench(kind=kind, url=web.url) as it:
        await it.tells()
    body = web.requests[0].body.decode()
    assert "Call back: tel:+8613800138000" in body
    assert "OpenUrl" not in body
    assert "href" not in body


async def test_mail() -> None:
    mail = {"sender": "pbxd@example.com", "to": ["lead@example.com", "boss@example.com"], "security": "none"}
    async with MailReceiver() as server:
        settings = {**mail, "host": "127.0.0.1", "port": server.port}
        async with bench(kind="email", mail=settings) as it:
            await it.tells({**BODY, "queue": "süd", "event": "ended", "how": "abandoned", "waited_s": 362.0})
    [envelope] = server.letters
    assert envelope.mail_from == "pbxd@example.com"
    assert envelope.rcpt_tos == ["lead@example.com", "boss@example.com"]
    assert isinstance(envelope.content, bytes)
    letter = message_from_bytes(envelope.content, policy=policy.default)
    assert letter["Subject"] == "süd: a caller gave up after 6 min 2 s"
    assert letter["To"] == "lead@example.com, boss@example.com"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content().splitlines() == [
        "süd: a caller gave up after 6 min 2 s",
        "",
        f"Caller: +8613800138000 ({HOSTILE})",
        "Switch: pbx1",
        "Call back: tel:+8613800138000",
    ]


async def test_mail_with_an_account(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    mail = {"sender": "a@example.com", "to": "b@example.com", "security": "none", "username": "pbxd"}
    async with MailReceiver(account=("pbxd", "s3cret")) as server:
        settings = {**mail, "host": "127.0.0.1", "port": server.port, "password_file": tmp_path / "password"}
        async with bench(kind="email", mail=settings) as it:
            await it.tells()
    assert len(server.letters) == 1


def certificate(folder: Path) -> ssl.SSLContext:
    """``server.pem`` for 127.0.0.1, signed by itself."""
    command = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.pem"
    )
    subject = ["-subj", "/CN=mx", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run(["openssl", *command.split(), *subject], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.mark.parametrize("trusted", [True, False])
async def test_mail_is_encrypted_and_goes_only_to_a_server_that_is_trusted(
    trusted: bool, tmp_path: Path
) -> None:
    mail = {"sender": "a@example.com", "to": "b@example.com", "host": "127.0.0.1", "username": "pbxd"}
    async with MailReceiver(tls=certificate(tmp_path), account=("pbxd", "s3cret")) as server:
        settings = {**mail, "port": server.port, "password": "s3cret"}
        if trusted:
            settings["ca_file"] = str(tmp_path / "server.pem")
        async with bench(kind="email", mail=settings, settings={"attempts": 1}) as it:
            await it.tells(outcome="delivered" if trusted else "failed")
    assert server.encrypted == ([True] if trusted else [])


async def test_mail_is_not_sent_in_the_clear_when_it_was_to_be_encrypted() -> None:
    mail = {"sender": "a@example.com", "to": "b@example.com", "host": "127.0.0.1"}
    async with MailReceiver() as server:  # without STARTTLS
        settings = {**mail, "port": server.port, "security": "starttls"}
        async with bench(kind="email", mail=settings, settings={"attempts": 2}) as it:
            await it.tells(outcome="failed")
    assert server.letters == []


@pytest.mark.parametrize(
    ("answer", "outcome", "attempts"),
    [("550 no such user", "refused", 0), ("451 try later", "failed", 3)],
)
async def test_mail_that_is_not_taken(answer: str, outcome: str, attempts: int) -> None:
    mail = {"sender": "a@example.com", "to": "b@example.com", "host": "127.0.0.1", "security": "none"}
    async with MailReceiver(refuses=answer) as server:
        settings = {**mail, "port": server.port}
        async with bench(kind="email", mail=settings, settings={"attempts": 3}) as it:
            await it.tells(outcome=outcome)
            assert it.counts["attempts"] == attempts


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("kind", "answer", "outcome"),
    [
        ("slack", (404, b"no_service"), "refused"),
        ("slack", (400, b"invalid_payload"), "refused"),
        ("slack", (301, b""), "refused"),
        ("webhook", (410, b""), "refused"),
        ("wecom", (200, b'{"errcode":93000,"errmsg":"invalid webhook url"}'), "refused"),
        ("wecom", (200, b"<html>"), "refused"),
        ("wecom", (200, b"[]"), "refused"),
        ("dingtalk", (200, b'{"errcode":310000,"errmsg":"sign not match"}'), "refused"),
        ("feishu", (200, b'{"code":19021,"msg":"sign match fail"}'), "refused"),
        ("feishu", (200, b"{}"), "refused"),
    ],
)
async def test_a_no_is_final(kind: str, answer: tuple[int, bytes], outcome: str) -> None:
    async with WebReceiver(answers=[answer]) as web, bench(kind=kind, url=web.url) as it:
        await it.tells(outcome=outcome)
        assert it.counts["attempts"] == 0
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ("webhook", (503, b""), (200, b"")),
        ("slack", (429, b"rate_limited"), (200, b"ok")),
        ("wecom", (200, b'{"errcode":45009}'), (200, b'{"errcode":0}')),
        ("dingtalk", (200, b'{"errcode":130101}'), (200, b'{"errcode":0}')),
        ("feishu", (200, b'{"code":11232}'), (200, b'{"StatusCode":0}')),
    ],
)
async def test_what_may_work_later_is_tried_again(
    kind: str, first: tuple[int, bytes], last: tuple[int, bytes]
) -> None:
    async with WebReceiver(answers=[first, first, last]) as web, bench(kind=kind, url=web.url) as it:
        await it.tells()
        assert it.counts["attempts"] == 2
    assert len({request.body for request in web.requests}) == 1
    assert len(web.requests) == 3


async def test_the_order_stays_and_the_oldest_goes_when_there_are_too_many() -> None:
    settings = {"queue_size": 2, "timeout": "200ms", "attempts": 2}
    async with (
        WebReceiver(answers=[None, None, (200, b"")]) as web,
        bench(kind="webhook", url=web.url, settings=settings) as it,
    ):
        it.tell({**BODY, "id": "0"})
        await until(lambda: web.requests)
        for number in range(1, 5):
            it.tell({**BODY, "id": str(number)})
        await until(lambda: it.counts["delivered"] == 2)
        assert it.counts == {
            "failed": 1,
            "dropped": 2,
            "delivered": 2,
            "attempts": 2,
            "refused": 0,
            "lost": 0,
        }
    assert [json.loads(request.body)["id"] for request in web.requests] == ["0", "0", "3", "4"]


async def test_nobody_there() -> None:
    async with WebReceiver() as web:
        url = web.url
    async with bench(kind="webhook", url=url, settings={"attempts": 2}) as it:
        await it.tells(outcome="failed")


async def test_what_waits_when_pbxd_stops_is_counted() -> None:
    settings = {"shutdown_timeout": "50ms"}
    async with (
        WebReceiver(answers=[None]) as web,
        bench(kind="webhook", url=web.url, settings=settings) as it,
    ):
        it.tell()
        it.tell()
        await until(lambda: web.requests)
        await it.edge.close()
        assert it.counts["lost"] == 2


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async with WebReceiver(answers=[(200, b"x" * 5_000_000)]) as web, bench(kind="slack", url=web.url) as it:
        await it.tells()


async def test_a_defect_costs_one_message_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __init__(self) -> None:
            self.calls = 0

        async def send(self, notice: Notice) -> None:
            self.calls += 1
            if notice.body["id"] == "bad":
                raise KeyError("a bug")

        async def close(self) -> None: ...

    counts: Counter[str] = Counter()

    def count(metric: str, value: float = 1, **labels: str) -> None:
        counts[labels.get("outcome", "attempts")] += 1

    sink = Broken()
    line = Delivery("one", sink, count=count, size=9, attempts=2, timeout_s=1.0, retry_most_s=0.01)
    running = asyncio.create_task(line.run())
    for name in ("bad", "good"):
        line.add(Notice(body={**BODY, "id": name}, wording=wording(BODY, "en", board=None)))
    await until(lambda: counts["delivered"] == 1)
    running.cancel()
    await asyncio.wait([running])
    assert counts == {"attempts": 2, "failed": 1, "delivered": 1}


async def test_no_address_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address of a chat robot is its password; libraries would write it into the log."""
    caplog.set_level(logging.DEBUG)
    answers = [(500, b""), (200, b'{"errcode":93000}')]
    async with (
        WebReceiver(answers=answers) as web,
        bench(kind="wecom", url=f"{web.url}?key=verysecret") as it,
    ):
        await it.tells(outcome="refused")
    said = caplog.text + "".join(capsys.readouterr())
    assert "alerts.not_delivered" in said
    assert "verysecret" not in said


def test_errors_hold_no_secret() -> None:
    assert FailedError("x", again_s=3.0).again_s == 3.0
    assert str(RefusedError("HTTP 404")) == "HTTP 404"
