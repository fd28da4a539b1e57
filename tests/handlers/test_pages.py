"""The browser's side: what each page costs, what it carries and what a stranger gets."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from bot.domain.errors import LinkClosed, NotAllowed, OtherBrowser, TicketExpired, TicketSpent, TicketUnknown
from bot.domain.ticket import OutcomeKind
from bot.metrics import Metrics
from handlers.slack_http import MOST_BYTES
from handlers.web import Vitals, build_watch, build_web
from handlers.web_session import COOKIE, FORM_WITHIN, HEADERS
from providers.base import Form
from storage import StorageAway
from tests.handlers.fakes import FakeServices
from tests.views.samples import an_outcome

BASE = "http://127.0.0.1:8080"
OWN = {"Sec-Fetch-Site": "same-origin"}
ALL_PAGES = [
    "/",
    "/go/s1",
    "/l/s1",
    "/export/s1",
    "/go/unknown",
    "/nowhere",
    "/callback/google?state=s1",
    "/static/page.css",
    "/static/icon.svg",
    "/favicon.ico",
]


async def no_census() -> None:
    """Nothing to count."""


@dataclass
class Desk:
    client: TestClient[web.Request, web.Application]
    services: FakeServices
    parts: dict[str, bool]
    metrics: Metrics

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self.client.get(path, allow_redirects=False, **options)

    async def post(self, path: str, **options: Any) -> ClientResponse:
        options.setdefault("headers", OWN)
        return await self.client.post(path, allow_redirects=False, **options)


async def made(base_url: str) -> Desk:
    app, fakes, parts, metrics = an_app(base_url)
    server = TestServer(app)
    await server.start_server(auto_decompress=False)  # as the bot listens
    client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
    return Desk(client, fakes, parts, metrics)


def an_app(
    base_url: str = BASE, *, form_within: float = 10.0, is_watched: bool = True
) -> tuple[web.Application, FakeServices, dict[str, bool], Metrics]:
    """The real application on services that only pretend."""
    fakes, parts, metrics = FakeServices(), {"database": True, "engine": True}, Metrics.build()
    fakes.connections.outcome = an_outcome(ending=OutcomeKind.CONNECTED)
    services = SimpleNamespace(
        oauth_flow=fakes.oauth_flow,
        channels=fakes.channels,
        history_export=fakes.history_export,
        workspace=SimpleNamespace(id="T1", name="Acme"),
        core=SimpleNamespace(policy=SimpleNamespace(loopback_only=True, keeps_tokens=False)),
    )
    app = build_web(
        cast(Any, services),
        inbound=None,
        base_url=base_url,
        vitals=Vitals(lambda: parts, metrics, no_census if is_watched else None),
    )
    app[FORM_WITHIN] = form_within
    return app, fakes, parts, metrics


@pytest.fixture
async def context() -> AsyncIterator[Desk]:
    one = await made(BASE)
    yield one
    await one.client.close()


# --- what every page carries


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
@pytest.mark.parametrize("path", ALL_PAGES)
async def test_every_answer_is_guarded(context: Desk, method: str, path: str) -> None:
    """No script, no frame, no cache, no referrer: on pages, errors and redirects alike."""
    answer = await context.client.request(method, path, allow_redirects=False)
    assert answer.status < 500
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", [*ALL_PAGES, "/healthz", "/readyz", "/metrics"])
async def test_looking_marks_nobody(context: Desk, path: str) -> None:
    """A GET sets no cookie and begins nothing, so that a link preview is harmless."""
    for method in ("GET", "HEAD"):
        answer = await context.client.request(method, path, allow_redirects=False)
        assert "Set-Cookie" not in answer.headers
    assert all(browser is None for browser in context.services.connections.browsers)


async def test_the_landing_says_who_asks_for_what(context: Desk) -> None:
    """Address, requester and workspace, and one button that posts to this very page."""
    answer = await context.get("/go/s1")
    html = await answer.text()
    assert answer.status == 200
    assert "ann@example.com" in html
    assert "Acme" in html
    assert 'action="/go/s1"' in html


@pytest.mark.parametrize("kind", ["go", "l"])
async def test_the_button_marks_the_browser_and_shows_the_way(context: Desk, kind: str) -> None:
    """A page with the link rather than a redirect, and a cookie that only this site reads."""
    answer = await context.post(f"/{kind}/s1")
    assert answer.status == 200
    assert "https://provider.example/consent?state=s1" in await answer.text()
    cookie = answer.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert (cookie["max-age"], cookie["secure"]) == ("1800", "")
    assert context.services.connections.browsers == [hashlib.sha256(cookie.value.encode()).hexdigest()]


async def test_a_second_sign_in_keeps_the_mark(context: Desk) -> None:
    """Two sign-ins side by side in one browser are both its own."""
    for _ in range(2):
        await context.post("/go/s1")
    first, second = context.services.connections.browsers
    assert first == second


async def test_a_made_up_cookie_is_not_taken(context: Desk) -> None:
    """A mark that we cannot have made is replaced by one that we have."""
    answer = await context.post("/go/s1", headers={**OWN, "Cookie": f"{COOKIE}=guess"})
    assert len(answer.cookies[COOKIE].value) == 43


async def test_behind_https_the_mark_travels_encrypted() -> None:
    """Only plain http on this very machine goes without Secure; a proxy's path stands in every form."""
    context = await made("https://mail.example/inboxes")
    assert 'action="/inboxes/go/s1"' in await (await context.get("/go/s1")).text()
    answer = await context.post("/go/s1")
    assert answer.cookies[f"__Host-{COOKIE}"]["secure"] is True
    await context.client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": BASE + "1"},
    ],
)
async def test_a_form_on_somebody_elses_page_begins_nothing(context: Desk, headers: dict[str, str]) -> None:
    """It leads to our own page, where the person decides."""
    answer = await context.post("/go/s1", headers=headers)
    assert (answer.status, answer.headers["Location"]) == (303, "/go/s1")
    assert "Set-Cookie" not in answer.headers
    assert (await context.post("/again/s1", headers=headers)).status == 403
    assert context.services.connections.browsers == []


@pytest.mark.parametrize("headers", [OWN, {"Sec-Fetch-Site": "none"}, {"Origin": BASE}, {}])
async def test_our_own_form_begins(context: Desk, headers: dict[str, str]) -> None:
    """Old browsers and ones without these headers are served as well."""
    assert (await context.post("/go/s1", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("https://Bot.Example/mail", "https://bot.example"),
        ("https://bot.example:443", "https://bot.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://bot.example:8443", "https://bot.example:8443"),
    ],
)
async def test_our_own_form_begins_however_the_operator_writes_our_address(base: str, origin: str) -> None:
    """Browsers write it in one way only."""
    context = await made(base)
    answer = await context.post("/go/s1", headers={"Origin": origin})
    assert answer.status == 200
    await context.client.close()


# --- the way back


async def test_the_outcome_is_shown_and_stays(context: Desk) -> None:
    """The callback spends the ticket with this browser's mark; a reload shows the same."""
    await context.post("/go/s1")
    for _ in range(2):
        answer = await context.get("/callback/google?state=s1&code=c")
        assert answer.status == 200
        assert "Connected" in await answer.text()
    assert context.services.connections.completed[0] == ("google", {"state": "s1", "code": "c"})
    assert context.services.connections.browsers[1] == context.services.connections.browsers[0]


async def test_two_callbacks_at_once_wait_for_one_outcome(context: Desk) -> None:
    """A double click or an impatient reload must not find the ticket gone while it is being used."""
    gate = context.services.trouble.gate = asyncio.Event()
    both = [asyncio.create_task(context.get("/callback/google?state=s1&code=c")) for _ in range(2)]
    async with asyncio.timeout(5):
        while not context.services.connections.completed:
            await asyncio.sleep(0)
    await context.get("/")  # by now the second one has arrived as well
    gate.set()
    answers = await asyncio.gather(*both)
    assert [answer.status for answer in answers] == [200, 200]
    assert len(context.services.connections.completed) == 1


async def test_a_head_does_not_spend(context: Desk) -> None:
    """Only a GET may use the ticket."""
    answer = await context.client.head("/callback/google?state=s1&code=c")
    assert answer.status == 405
    assert context.services.connections.completed == []


async def test_a_posted_callback_becomes_a_get(context: Desk) -> None:
    """A cross-site POST brings no cookie: the GET that it becomes does, in whichever process it arrives."""
    form = {"state": "the-state-of-a-ticket", "code": "c"}
    answer = await context.post("/callback/google", data=form, headers={"Origin": "https://provider.example"})
    assert answer.status == 303
    assert context.services.connections.completed == []
    other_process = await made(BASE)
    for process in (context, other_process, context):
        assert (await process.get(answer.headers["Location"])).status == 200
        assert process.services.connections.completed[0] == ("google", form)
    await other_process.client.close()


async def test_what_can_be_mended_is_mended_at_once(context: Desk) -> None:
    """An unticked box offers the way back to the provider, with a fresh ticket for the same browser."""
    context.services.connections.outcome = an_outcome(ending=OutcomeKind.PERMISSION_WITHHELD)
    await context.post("/go/s1")
    html = await (await context.get("/callback/google?state=s1&code=c")).text()
    assert 'action="/again/s1"' in html
    again = await context.post("/again/s1")
    assert "state=s2" in await again.text()
    assert len(set(context.services.connections.browsers)) == 1


async def test_a_super_admins_word_is_given_by_our_own_form_alone(context: Desk) -> None:
    """The page offers it where it counts; a look gives nothing, nor does a foreign form."""
    connections = context.services.connections
    connections.outcome, connections.may_confirm_it = an_outcome(ending=OutcomeKind.WRONG_MAILBOX), True
    await context.post("/go/s1")
    html = await (await context.get("/callback/google?state=s1&code=c")).text()
    assert 'action="/receives/s1"' in html
    begun = len(connections.browsers)
    assert (await context.get("/receives/s1")).status == 405
    assert (await context.post("/receives/s1", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert len(connections.browsers) == begun
    assert "state=s2" in await (await context.post("/receives/s1")).text()
    assert len(set(connections.browsers)) == 1
    connections.trouble.error = NotAllowed("confirm", ("U0BOB",))
    html = await (await context.post("/receives/s1")).text()
    assert "Only super admins can confirm that." in html and "U0BOB" not in html


# --- errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TicketUnknown(), 404),
        (TicketExpired(), 410),
        (TicketSpent(), 410),
        (LinkClosed(), 410),
        (OtherBrowser(), 403),
        (StorageAway(), 503),
        (RuntimeError("xoxb-secret"), 500),
    ],
)
@pytest.mark.parametrize("path", ["/go/s1", "/l/s1", "/callback/google?state=s1"])
async def test_every_error_is_a_page(context: Desk, path: str, error: Exception, status: int) -> None:
    """In words, with the right status, and without a traceback or the error's text."""
    context.services.trouble.error = error
    answer = await context.get(path)
    html = await answer.text()
    assert answer.status == status
    assert "<h1" in html
    assert "Traceback" not in html
    assert "xoxb" not in html


@pytest.mark.parametrize(
    ("path", "may_renew"),
    [("/go/s1", True), ("/l/s1", True), ("/callback/google?state=s1", True), ("/export/s1", False)],
)
async def test_an_expired_link_is_renewed_by_our_own_button(
    context: Desk, path: str, may_renew: bool
) -> None:
    """The page offers it, a look gives nothing, nor does a foreign form; then the fresh link is opened in a
    browser that has its mark. A download is asked for in Slack."""
    context.services.trouble.error = TicketExpired()
    html = await (await context.get(path)).text()
    assert ('action="/renew/s1"' in html, "Open Slack (Acme)" in html) == (may_renew, True)
    context.services.trouble.error = None
    assert (await context.get("/renew/s1")).status == 405
    foreign = await context.post("/renew/s1", headers={"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status, foreign.headers["Location"]) == (303, "/go/s1")
    assert context.services.connections.browsers in ([], [None])
    fresh = await context.post("/renew/s1")
    assert (fresh.status, fresh.headers["Location"]) == (303, "/go/fresh")
    digest = hashlib.sha256(fresh.cookies[COOKIE].value.encode()).hexdigest()
    assert context.services.connections.browsers[-1] == digest


@pytest.mark.parametrize(
    ("error", "is_named"),
    [(TicketSpent(), True), (OtherBrowser(), True), (TicketUnknown(), False), (LinkClosed(), False)],
)
async def test_every_refusal_leads_to_slack(context: Desk, error: Exception, is_named: bool) -> None:
    """To the workspace whose link it was; who invented one is told of none."""
    context.services.trouble.error = error
    html = await (await context.get("/go/s1")).text()
    assert ("Open Slack (Acme)" in html, "Acme" in html) == (is_named, is_named)
    assert "Open Slack" in html


async def test_only_the_form_for_a_password_may_run_a_script(context: Desk) -> None:
    """A file of ours, on that page alone; what is inline never runs."""
    context.services.connections.step = Form({"host": "mail.example.com", "user": "ann@example.com"})
    answer = await context.post("/go/s1")
    policy = answer.headers["Content-Security-Policy"]
    assert policy == f"{HEADERS['Content-Security-Policy']}; script-src 'self'"
    assert '<script src="/static/reveal.js" defer>' in await answer.text()
    assert (await context.get("/static/reveal.js")).content_type == "text/javascript"
    assert "script" not in (await context.get("/go/s1")).headers["Content-Security-Policy"]


async def test_the_icon_is_ours(context: Desk) -> None:
    """People decide here whether to type a password: the tab says whose page it is."""
    for path in ("/static/icon.svg", "/favicon.ico"):
        answer = await context.get(path)
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert "img-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_an_unknown_path_a_wrong_method_and_too_much_are_pages(context: Desk) -> None:
    """Nobody is left with a bare status."""
    missing = await context.get("/wp-login.php")
    wrong = await context.client.delete("/go/s1")
    large = await context.post("/callback/google", data={"x": "y" * (MOST_BYTES + 1)})
    assert [missing.status, wrong.status, large.status] == [404, 405, 413]
    for answer in (missing, wrong, large):
        assert "<h1" in await answer.text()
    assert wrong.headers["Allow"] == "GET,HEAD,POST".replace(",", ", ")


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("ja", "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("en-US,en;q=0.9,ja;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,ja;q=0.5", "ja"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (";q=,,;;q=9" * 50, "en"),
    ],
)
async def test_a_stranger_is_answered_in_the_browsers_language(
    context: Desk, accepted: str, code: str
) -> None:
    """Where no ticket says whose page it is, the browser does."""
    answer = await context.get("/nowhere", headers={"Accept-Language": accepted})
    assert f'<html lang="{code}"' in await answer.text()


async def test_a_ticket_speaks_its_persons_language(context: Desk) -> None:
    """The page is for the one who asked in Slack, whatever the browser prefers."""
    context.services.connections.locale = "ja-JP"
    answer = await context.get("/go/s1", headers={"Accept-Language": "en"})
    assert '<html lang="ja"' in await answer.text()


# --- machines


async def test_machines_are_told_in_json(context: Desk) -> None:
    """Alive is not ready: a part that is missing makes the whole unready, by name."""
    assert (await context.get("/healthz")).status == 200
    assert (await context.get("/readyz")).status == 200
    context.parts["engine"] = False
    answer = await context.get("/readyz")
    assert answer.status == 503
    assert json.loads(await answer.text()) == {"ready": False, "database": True, "engine": False}


async def test_monitoring_is_told_nothing_at_the_pages_port_unless_the_operator_says_so() -> None:
    """Alive, anybody may know; the rest has a port of its own, where there is nothing else."""
    app, _, parts, metrics = an_app(is_watched=False)
    async with TestClient(TestServer(app)) as client:
        assert [(await client.get(path)).status for path in ("/healthz", "/readyz", "/metrics")] == [
            200,
            404,
            404,
        ]
    own = build_watch(ready=lambda: parts, metrics=metrics, census=no_census)
    async with TestClient(TestServer(own)) as client:
        assert [(await client.get(path)).status for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        answer = await client.get("/go/s1")
        assert answer.status == 404 and "Server" not in answer.headers


async def test_figures_name_patterns_never_paths(context: Desk) -> None:
    """A path holds a ticket; what is counted does not."""
    await context.get("/go/s1")
    await context.get("/nowhere")
    said = await (await context.get("/metrics")).text()
    assert 'route="/go/{secret}",status="200"' in said
    assert "s1" not in said
    assert "nowhere" not in said


async def test_slack_has_no_business_here_under_socket_mode(context: Desk) -> None:
    """Without the HTTP transport its route does not exist, and says so to a machine."""
    answer = await context.post("/slack/events", data=b"{}")
    assert (answer.status, await answer.json()) == (404, {"error": "not found"})


# --- what cannot be read

FORM = "application/x-www-form-urlencoded"
UNREADABLE = {
    "a charset that nobody knows": (f"{FORM}; charset=nope", b"\xff", {}),
    "a charset that is a codec of another kind": (f"{FORM}; charset=idna", b"\xc3", {}),
    "a charset as long as the line": (f"{FORM}; charset=" + "a_" * 3_500, b"%ff=1", {}),
    "several parts without a boundary": ("multipart/form-data", b"abc", {}),
    "several parts that are none": ("multipart/form-data; boundary=x", b"abc", {}),
    "several parts that break off": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="code"\r\n\r\nc',
        {},
    ),
    "no UTF-8": (FORM, b"\xff=1", {}),
    "no UTF-8 once unquoted": (FORM, b"code=%ff", {}),
    "half a pair": (FORM, b"code=%ed%a0%80", {}),
    "NUL": (FORM, b"code=a%00b&state=s1", {}),
    "many fields": (FORM, b"&".join(b"f%d=1" % number for number in range(31)), {}),
    "garbage called deflate": (FORM, b"code=garbage", {"Content-Encoding": "deflate"}),
    "garbage called gzip": (FORM, b"code=garbage", {"Content-Encoding": "gzip"}),
    "an encoding that nobody knows": (FORM, b"code=c", {"Content-Encoding": "rot13"}),
    "JSON": ("application/json", b"{}", {}),
    "text": ("text/plain", b"code=c&state=s1", {}),
}
READS_FORMS = ["/callback/google", "/callback/microsoft", "/go/s1/form"]


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("path", READS_FORMS)
async def test_a_body_that_cannot_be_read_is_refused_in_words(
    context: Desk, path: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a stranger sends is no fault of ours: a page in their language, and nothing logged."""
    content_type, body, headers = UNREADABLE[kind]
    answer = await context.post(
        path,
        data=body,
        skip_auto_headers=["Content-Type"],
        headers={**OWN, **headers, "Content-Type": content_type, "Accept-Language": "ja"},
    )
    html = await answer.text()
    assert answer.status == 400
    assert '<html lang="ja"' in html and "<code>" not in html
    assert capsys.readouterr().out == ""
    assert context.services.connections.completed == []


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("path", ["/go/s1", "/l/s1", "/export/s1", "/again/s1", "/renew/s1", "/ask/s1"])
async def test_no_other_button_stumbles_over_a_body(context: Desk, path: str, kind: str) -> None:
    """A body that is not asked for is not read; a mark that cannot be read is refused like any field."""
    content_type, body, headers = UNREADABLE[kind]
    answer = await context.post(path, data=body, headers={**OWN, **headers, "Content-Type": content_type})
    assert answer.status < 500


@pytest.mark.parametrize(
    "path", ["/callback/google?code=%ff&state=%ed%a0%80", "/go/%ff", "/go/%00", "/l/%ed%a0%80"]
)
async def test_an_address_that_cannot_be_read_is_no_fault(context: Desk, path: str) -> None:
    """Odd bytes in a path or a query are looked up, and not found."""
    answer = await context.client.get(URL(path, encoded=True), allow_redirects=False)
    assert answer.status < 500


# --- who the answer is from


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "provider",
    ["x", "a%0d%0aX-Evil:%201", "..%2f..%2fgo", "google%3Fx", "google%23", "GOOGLE", "%ff", "google%20"],
)
async def test_a_provider_that_does_not_exist_is_not_found(context: Desk, method: str, provider: str) -> None:
    """What a stranger made up is neither looked up nor repeated."""
    path = URL(f"/callback/{provider}?code=c&state=s1", encoded=True)
    body = {"code": "c", "state": "s1"} if method == "POST" else None
    answer = await context.client.request(method, path, allow_redirects=False, data=body)
    assert answer.status == 404
    assert "Location" not in answer.headers and "X-Evil" not in answer.headers
    assert context.services.connections.completed == []


async def test_of_an_answer_only_what_is_read_is_passed_on(context: Desk) -> None:
    """Other fields, however many and long, go no further; those that are read are cut."""
    form = {
        "code": "c" * 9_000,
        "state": "s1",
        "😀" * 3_000: "x",
        "handle": "x",
        "next": "https://evil.example",
    }
    answer = await context.post("/callback/google", data=form)
    assert answer.status == 303
    assert len(answer.headers["Location"]) < 8_000
    assert (await context.get(answer.headers["Location"])).status == 200
    assert context.services.connections.completed == [("google", {"code": "c" * 4_096, "state": "s1"})]


async def test_an_answer_that_no_address_holds_is_too_much(context: Desk) -> None:
    """Fields that are read, but more of them than a GET can carry."""
    answer = await context.post("/callback/google", data={"code": "c" * 4_000, "state": "é" * 2_000})
    assert answer.status == 413


# --- https, and a neighbour under the same domain


async def test_a_planted_cookie_is_not_ours() -> None:
    """A neighbour can set a cookie for the whole domain, but none that begins with __Host-."""
    context = await made("https://mail.corp.example")
    planted = "A" * 43
    answer = await context.post("/go/s1", headers={**OWN, "Cookie": f"{COOKIE}={planted}"})
    cookie = answer.cookies[f"__Host-{COOKIE}"]
    assert cookie.value != planted
    assert (cookie["path"], cookie["domain"], cookie["secure"], cookie["httponly"]) == ("/", "", True, True)
    assert context.services.connections.browsers == [hashlib.sha256(cookie.value.encode()).hexdigest()]
    context.client.session.cookie_jar.clear()
    await context.get("/callback/google?state=s1&code=c", headers={"Cookie": f"{COOKIE}={planted}"})
    assert context.services.connections.browsers[-1] is None
    await context.get(
        "/callback/google?state=s1&code=c", headers={"Cookie": f"__Host-{COOKIE}={cookie.value}"}
    )
    assert context.services.connections.browsers[-1] == context.services.connections.browsers[0]
    await context.client.close()


@pytest.mark.parametrize(("base", "is_told"), [(BASE, False), ("https://mail.corp.example/inboxes", True)])
async def test_browsers_stay_with_https(base: str, is_told: bool) -> None:
    """On every answer, errors among them; plain http on this machine has none to stay with."""
    context = await made(base)
    for path in ("/", "/nowhere", "/healthz", "/static/page.css"):
        assert ("Strict-Transport-Security" in (await context.get(path)).headers) is is_told
    await context.client.close()


# --- under a path


@pytest.mark.parametrize("root", ["", "/mail"])
async def test_all_of_it_works_under_a_path(root: str) -> None:
    """Whether the proxy takes the path away or passes it on: whatever a browser opens next lies under it."""
    context = await made("https://host.example/mail")
    landing = await (await context.get(f"{root}/go/s1")).text()
    assert 'href="/mail/static/icon.svg"' in landing and 'href="/static' not in landing
    assert 'href="/mail/static/page.css"' in landing and 'action="/mail/go/s1"' in landing
    assert (await context.get(f"{root}/static/page.css")).status == 200
    assert (await context.post(f"{root}/go/s1")).status == 200
    foreign = await context.post(f"{root}/go/s1", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.headers["Location"] == "/mail/go/s1"
    posted = await context.post(f"{root}/callback/google", data={"state": "s1", "code": "c"})
    assert posted.headers["Location"].startswith("/mail/callback/google?")
    context.services.connections.outcome = an_outcome(ending=OutcomeKind.PERMISSION_WITHHELD)
    outcome = await (await context.get(f"{root}/callback/google?state=s1&code=c")).text()
    assert 'action="/mail/again/s1"' in outcome and 'href="/mail/static/page.css"' in outcome
    assert 'href="/mail/static/page.css"' in await (await context.get(f"{root}/nowhere")).text()
    assert (await context.get(f"{root}/healthz")).content_type == "application/json"
    context.services.connections.step = Form({"host": "mail.example.com"})
    form = await (await context.post(f"{root}/go/s1")).text()
    assert 'src="/mail/static/reveal.js"' in form and 'action="/mail/go/s1/form"' in form
    for file in ("reveal.js", "icon.svg"):
        assert (await context.get(f"{root}/static/{file}")).status == 200
    figures = await (await context.get(f"{root}/metrics")).text()
    assert 'route="/go/{secret}"' in figures and "/mail/" not in figures
    await context.client.close()


# --- old browsers


@pytest.mark.parametrize("path", ["/go/s1", "/go/s1/form", "/l/s1", "/export/s1", "/again/s1"])
async def test_old_browsers_say_where_our_forms_come_from(context: Desk, path: str) -> None:
    """Without Sec-Fetch-Site the origin counts, and under a policy of no referrer at all they hide that."""
    shown = await context.get("/go/s1")
    assert shown.headers["Referrer-Policy"] == "same-origin"
    answer = await context.post(path, headers={"Origin": BASE}, data={"host": "x"})
    assert answer.status not in {303, 403}
