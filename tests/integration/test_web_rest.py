"""Sign-in, REST and monitoring over real HTTP; whatever comes in gets a clear answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from pbxd.edge.web import Part
from pbxd.edge.web.shield import CONTENT_SECURITY_POLICY
from tests.integration.scripted_desk import PASSWORD, Served, contact, serving

LIMIT_S = 10
GOOD_KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.origin, timeout=LIMIT_S, verify=False) as http:
        yield http


async def sign_in(http: httpx.AsyncClient, agent: str = "anna", password: str = PASSWORD) -> httpx.Response:
    return await http.post("/api/session", json={"agent": agent, "password": password})


# ---------------------------------------------------------------- sign-in


async def test_signing_in_sets_a_cookie_that_no_script_and_no_other_site_can_use(
    http: httpx.AsyncClient, served: Served
) -> None:
    answer = await sign_in(http)
    assert answer.status_code == 200
    assert {"agent": "anna", "name": "Anna Berg", "language": "en"}.items() <= answer.json().items()
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    me = await http.get("/api/me")
    assert me.json()["csrf"] == answer.json()["csrf"]
    assert served.counted("pbxd_web_signins_total", result="admitted")


async def test_behind_https_the_cookie_is_secure() -> None:
    async with (
        serving(secure_cookie=True) as served,
        httpx.AsyncClient(base_url=served.origin, verify=False) as http,
    ):
        assert "secure" in (await sign_in(http)).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("agent", "password"),
    [("anna", "wrong"), ("nobody", PASSWORD), ("nopass", "x"), ("anna", PASSWORD + " ")],
)
async def test_wrong_name_or_password_look_the_same(
    http: httpx.AsyncClient, agent: str, password: str
) -> None:
    answer = await sign_in(http, agent, password)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "wrong_password", "text": "agent or password is wrong"}}
    assert "set-cookie" not in answer.headers


async def test_guessing_is_braked_even_with_the_right_password(
    http: httpx.AsyncClient, served: Served
) -> None:
    for _ in range(5):
        assert (await sign_in(http, password="guess")).status_code == 401
    braked = await sign_in(http)
    assert braked.status_code == 429
    assert 0 < int(braked.headers["retry-after"]) <= 60
    assert (await sign_in(http, "liwei")).status_code == 200
    assert len(served.counted("pbxd_web_signins_total", result="braked")) == 1


async def test_another_site_cannot_sign_in_or_out(http: httpx.AsyncClient) -> None:
    evil = {"Origin": "https://evil.example"}
    body = {"agent": "anna", "password": PASSWORD}
    assert (await http.post("/api/session", json=body, headers=evil)).status_code == 403
    token = (await sign_in(http)).json()["csrf"]
    assert (await http.delete("/api/session", headers={**evil, "X-CSRF-Token": token})).status_code == 403
    assert (await http.delete("/api/session")).status_code == 403
    assert (await http.delete("/api/session", headers={"X-CSRF-Token": "0" * 64})).status_code == 403
    assert (await http.get("/api/me")).status_code == 200


async def test_signing_out_ends_the_session_for_good(http: httpx.AsyncClient) -> None:
    token = (await sign_in(http)).json()["csrf"]
    kept = dict(http.cookies)
    assert (await http.delete("/api/session", headers={"X-CSRF-Token": token})).status_code == 204
    assert not http.cookies
    assert (
        await http.get("/api/me", headers={"Cookie": f"pbxd_session={kept['pbxd_session']}"})
    ).status_code == 401


async def test_a_session_outlives_a_restart_when_the_secret_does() -> None:
    async with (
        serving(session_secret=b"k" * 32) as first,
        httpx.AsyncClient(base_url=first.origin, verify=False) as http,
    ):
        cookie = (await sign_in(http)).cookies["pbxd_session"]
    async with (
        serving(session_secret=b"k" * 32) as second,
        httpx.AsyncClient(base_url=second.origin, verify=False) as http,
    ):
        answer = await http.get("/api/me", headers={"Cookie": f"pbxd_session={cookie}"})
        assert answer.status_code == 200


# ---------------------------------------------------------------- contacts


async def test_an_agent_gets_his_last_contacts(http: httpx.AsyncClient, served: Served) -> None:
    hostile = contact("pbx1:6", name="<script>\udc80")
    served.contacts += [contact(), hostile]
    assert (await http.get("/api/contacts")).status_code == 401
    await sign_in(http)
    rows = (await http.get("/api/contacts?limit=2")).json()["contacts"]
    assert [row["call"] for row in rows] == ["pbx1:5", "pbx1:6"]
    assert rows[0] == dataclasses.asdict(contact()) | {
        "arrived": rows[0]["arrived"],
        "ended": rows[0]["ended"],
    }
    assert rows[1]["name"] == "<script>\udc80"


@pytest.mark.parametrize("fault", [OSError("the database is away"), TimeoutError()])
async def test_without_the_store_the_answer_says_so(
    http: httpx.AsyncClient, served: Served, fault: BaseException
) -> None:
    served.store_fault.append(fault)
    await sign_in(http)
    answer = await http.get("/api/contacts")
    assert answer.status_code == 503
    assert "the store did not answer" in answer.json()["error"]["text"]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/session", b"", 422),
        ("POST", "/api/session", b"{", 422),
        ("POST", "/api/session", b"[" * 10_000, 400),
        ("POST", "/api/session", b'{"agent":"anna"}', 422),
        ("POST", "/api/session", b'{"agent":1,"password":[]}', 422),
        ("POST", "/api/session", b'{"agent":"anna","password":"x","admin":true}', 422),
        ("POST", "/api/session", b'{"agent":"' + b"a" * 65 + b'","password":"x"}', 422),
        ("POST", "/api/session", b'{"agent":"a","password":"\xff"}', 400),
        ("POST", "/api/session", b'{"agent":"a\\u0000","password":"\\ud800"}', 422),
        ("POST", "/api/session", b"x" * 20_000, 413),
        ("GET", "/api/contacts?limit=0", None, 422),
        ("GET", "/api/contacts?limit=201", None, 422),
        ("GET", "/api/contacts?limit=many", None, 422),
        ("GET", "/api/session", None, 405),
        ("PUT", "/api/me", None, 405),
        ("GET", "/api/nothing", None, 404),
        ("GET", "/assets/../../pyproject.toml", None, 404),
        ("GET", "/assets/%2e%2e/%2e%2e/site.py", None, 404),
        ("GET", "/%00", None, 404),
        ("GET", "/ws", None, 404),
        ("TRACE", "/", None, 405),
    ],
)
async def test_bad_requests_get_a_clear_refusal(
    http: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int
) -> None:
    await sign_in(http)
    answer = await http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["text"]
    assert "pyproject" not in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / SIP/2.0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\x00\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_closed(served: Served, sent: bytes) -> None:
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection(*served.edge.address)
        writer.write(sent)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "extra",
    [
        b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        b"Sec-WebSocket-Version: 13\r\n",
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
        GOOD_KEY + b"X: " + b"y" * 9000 + b"\r\n",
        GOOD_KEY + b"A: b\r\n" * 300,
    ],
)
async def test_a_broken_handshake_is_refused_and_closed(served: Served, extra: bytes) -> None:
    head = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection(*served.edge.address)
        writer.write(head + extra + b"\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 4"), answer


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /"])
async def test_a_head_that_does_not_arrive_ends_the_connection(sent: bytes) -> None:
    async with serving(request_timeout_s=0.2) as served, asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection(*served.edge.address)
        writer.write(sent)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_a_body_that_does_not_arrive_is_refused() -> None:
    async with serving(request_timeout_s=0.2) as served, asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection(*served.edge.address)
        writer.write(b"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


# ---------------------------------------------------------------- monitoring, headers, interface


async def test_readiness_names_what_is_down(http: httpx.AsyncClient, served: Served) -> None:
    assert (await http.get("/-/healthy")).status_code == 200
    answer = await http.get("/-/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    served.parts.append(Part(name="mqtt", ready=False, reason="connection refused", required=False))
    assert (await http.get("/-/ready")).status_code == 200
    served.parts.append(Part(name="ami pbx2", ready=False, reason="login refused"))
    answer = await http.get("/-/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"][-1] == {
        "name": "ami pbx2",
        "ready": False,
        "reason": "login refused",
        "required": True,
    }


async def test_metrics_are_served_as_prometheus_wants_them(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "pbxd_up 1" in answer.text


@pytest.mark.parametrize(
    ("accept", "openly"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1", True),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
    ],
)
async def test_a_scraper_gets_the_format_that_it_asks_for(
    http: httpx.AsyncClient, accept: str, openly: bool
) -> None:
    answer = await http.get("/metrics", headers={"Accept": accept})
    assert answer.text.endswith("# EOF\n") == openly
    assert answer.headers["content-type"].startswith(
        "application/openmetrics-text" if openly else "text/plain"
    )


@pytest.mark.parametrize("path", ["/", "/api/me", "/metrics", "/-/ready", "/nothing"])
async def test_every_answer_is_hardened(http: httpx.AsyncClient, path: str) -> None:
    headers = (await http.get(path)).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "no-" in headers["cache-control"]
    assert "server" not in headers


async def test_the_interface_describes_itself(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/openapi.json")).json()
    assert set(document["paths"]) == {
        "/api/session",
        "/api/me",
        "/api/contacts",
        "/api/transfers",
        "/api/transfers/{transfer}",
        "/api/transfers/{transfer}/{verb}",
        "/api/transfers/{transfer}/acknowledge",
        "/api/targets",
        "/api/callbacks",
        "/api/callbacks/{callback}/done",
        "/api/calls/{call}/repeated",
        "/api/wrap-up/end",
        "/metrics",
        "/-/healthy",
        "/-/ready",
    }
    assert json.dumps(document)


async def test_a_port_that_is_taken_is_named(served: Served) -> None:
    from pbxd.edge.web import WebEdge

    host, port = served.edge.address
    with pytest.raises(OSError, match=f"web: cannot listen on {host}:{port}: Address already in use"):
        WebEdge([], served.desk, listen=host, port=port).bind()
