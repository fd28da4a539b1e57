"""Whatever reaches the bot's own port: Slack's requests, genuine or not, browsers, and bytes of any kind."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import pytest
from hypothesis import strategies as st
from yarl import URL

from handlers.actions import ACTIONS
from handlers.commands import WORDS
from handlers.modals import CALLBACKS
from sandbox.demo import APP_TOKEN, BOT_TOKEN, CLIENT_SECRET, MICROSOFT_CLIENT_SECRET, SIGNING_SECRET, Town
from sandbox.slack.delivery import signature
from tests.fuzz.harness import Budget, Lab, a_lab, fuzz
from tests.fuzz.inputs import damaged, gone_wrong, raw, texts, values, writable, written
from tests.stage import Stage, a_bot, a_town

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TEAM, ALICE, OMAR = "T0ACME", "U0ALICE", "U0OMAR"
Json = dict[str, Any]


@dataclass
class Product:
    """The bot, and what is known to be there."""

    stage: Stage
    channels: list[str]
    links: list[str]

    @property
    def port(self) -> int:
        return urlsplit(self.stage.town.settings.base_url).port or 0

    @property
    def base(self) -> str:
        return self.stage.town.settings.base_url

    async def healthy(self) -> None:
        async with self.stage.session.get(f"{self.base}/healthz") as answer:
            assert answer.status == 200


async def at_once(_: float) -> None:
    await asyncio.sleep(0.01)


@asynccontextmanager
async def a_product(database_url: str, transport: str) -> AsyncIterator[Product]:
    """Alice's inbox and a team address are connected; two more sign-ins have begun."""
    async with a_town(database_url, transport=transport) as town, a_bot(hasty(town)) as stage:
        if transport == "socket":
            await town.slack.until_connected()
        await stage.connected("alice")
        await stage.person("alice").closes()
        await stage.team_connected()
        await stage.person("kenji").types("/inbox connect kenji@acme.example")
        links = [await stage.presses_on("kenji")]
        await stage.person("omar").types("/inbox connect sales@harbor.example")
        await stage.fills_in_team("omar", name="Sales", use="Orders")
        links.append(await stage.presses_on("omar"))
        async with stage.bot.services.core.storage.reading() as uow:
            channels = await uow.channels.all(stage.bot.services.workspace.id)
        yield Product(stage, [one.id for one in channels], [urlsplit(link).path for link in links])


def hasty(town: Town) -> Town:
    """Pauses before the next connection are short: what comes after them is waited for."""
    return replace(town, world=replace(town.world, pause=at_once))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def http(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lab, Product]]:
    """A bot that Slack reaches over HTTP."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("fuzz") / "inboxkeeper.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        with a_lab(lambda: a_product(f"sqlite:///{file}", "http")) as lab:
            yield guarded(lab)
        return
    databases = request.getfixturevalue("postgresql_databases")
    with databases.lent() as url, a_lab(lambda: a_product(url, "http")) as lab:
        yield guarded(lab)


def guarded(made: tuple[Lab, Product]) -> tuple[Lab, Product]:
    """No secret of the product's may come up in its log."""
    lab, product = made
    lab.watch.secrets += [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, CLIENT_SECRET, MICROSOFT_CLIENT_SECRET]
    lab.watch.secrets += [link.rpartition("/")[2] for link in product.links]
    return made


# --- Slack


def payloads(product: Product) -> st.SearchStrategy[tuple[str, Json]]:
    """What Slack sends, as it should be."""
    known = [*product.channels, *(f"{one}:1" for one in product.channels), "", "x:1", "alice@acme.example"]
    who = st.sampled_from([ALICE, OMAR, "U0GUS", "U0KENJI", "UNOBODY", "U0SAKURA"])
    user = who.map(lambda one: {"id": one, "team_id": TEAM})
    common = {
        "team": st.just({"id": TEAM}),
        "user": user,
        "trigger_id": st.sampled_from(["1.2.3", "4.5.6"]),
        "response_url": st.just(f"{product.stage.town.url}/respond/none"),
    }
    held = st.one_of(
        st.fixed_dictionaries({"type": st.just("plain_text_input"), "value": texts | st.sampled_from(known)}),
        st.fixed_dictionaries({"selected_option": st.fixed_dictionaries({"value": texts})}),
        st.just({"selected_conversation": "C0GENERAL"}),
        st.just({"selected_user": OMAR}),
    )
    blocks = ["address", "kind", "name", "use", "conversation", "provider", "admin", "mailbox"]
    state = st.dictionaries(
        st.sampled_from(blocks), st.dictionaries(st.sampled_from(blocks), held, max_size=2), max_size=4
    )
    view = st.fixed_dictionaries(
        {
            "id": st.sampled_from(["V1", "V2"]),
            "type": st.sampled_from(["modal", "home"]),
            "team_id": st.just(TEAM),
            "callback_id": st.sampled_from([*CALLBACKS, "unknown"]),
            "private_metadata": st.sampled_from(known) | texts,
            "state": st.fixed_dictionaries({"values": state}),
        }
    )
    action = st.fixed_dictionaries(
        {
            "type": st.just("button"),
            "action_id": st.sampled_from([*ACTIONS, "unknown"]),
            "block_id": st.just("b"),
            "value": st.sampled_from(known) | texts,
        }
    )
    command = st.fixed_dictionaries(
        {
            "command": st.just("/inbox"),
            "text": st.builds(
                lambda verb, rest: f"{verb} {rest}",
                st.sampled_from([*WORDS, "?"]),
                st.sampled_from(known) | texts,
            ),
            "team_id": st.just(TEAM),
            "user_id": who,
            **{name: common[name] for name in ("trigger_id", "response_url")},
        }
    )
    click = st.fixed_dictionaries(
        {
            "type": st.just("block_actions"),
            "actions": st.lists(action, min_size=1, max_size=2),
            "container": st.sampled_from([{"type": "message", "is_ephemeral": True}, {"type": "view"}]),
            **common,
        },
        optional={"view": view},
    )
    form = st.fixed_dictionaries(
        {"type": st.sampled_from(["view_submission", "view_closed"]), "view": view, **common}
    )
    profile = st.fixed_dictionaries({"email": texts, "real_name": texts, "display_name": texts})
    event = st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("user_change"), "user": st.fixed_dictionaries({"id": who, "profile": profile})}
        ),
        st.fixed_dictionaries(
            {"type": st.just("app_home_opened"), "user": who, "tab": st.just("home"), "view": view}
        ),
        st.just({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["UOTHER"]}}),
    )
    happened = st.fixed_dictionaries(
        {
            "type": st.just("event_callback"),
            "team_id": st.just(TEAM),
            "event_id": texts.map(lambda text: f"Ev{text[:40]}"),
            "event": event,
        }
    )
    return st.one_of(
        st.tuples(st.just("slash_commands"), command),
        st.tuples(st.just("interactive"), click | form),
        st.tuples(st.just("events_api"), happened),
    )


def requests_of_slack(product: Product) -> st.SearchStrategy[tuple[str, bytes]]:
    """As they travel: a form that is the payload, one that carries it, or JSON; or nothing of that kind."""

    def carried(sent: tuple[str, Json]) -> tuple[str, bytes]:
        kind, payload = sent
        if kind == "events_api" or not isinstance(payload, dict):
            return JSON, written(payload)
        if kind == "interactive":
            return FORM, urlencode({"payload": json.dumps(payload)}).encode()
        flat = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in payload.items()
        }
        return FORM, urlencode(flat, errors="surrogatepass").encode()

    kinds = st.sampled_from(
        [JSON, FORM, "text/plain", "multipart/form-data; boundary=x", "", "a/b; charset=x"]
    )
    wrong = payloads(product).flatmap(lambda sent: st.tuples(st.just(sent[0]), gone_wrong(st.just(sent[1]))))
    return st.one_of(
        payloads(product).map(carried),
        wrong.map(carried),
        wrong.map(carried),
        st.tuples(kinds, raw | values.map(written)),
        payloads(product)
        .map(carried)
        .flatmap(lambda sent: st.tuples(st.just(sent[0]), damaged(st.just(sent[1])))),
    )


def test_what_slack_signed(http: tuple[Lab, Product], budget: Budget) -> None:
    """Commands, clicks, forms and events, whatever stands in them."""
    lab, product = http

    async def take(sent: tuple[str, bytes]) -> None:
        kind, body = sent
        stamp = str(int(product.stage.town.clock().timestamp()))
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(SIGNING_SECRET, stamp, body),
        }
        url = f"{product.base}/slack/events"
        async with product.stage.session.post(url, data=body, headers=headers) as answer:
            assert answer.status < 500, (answer.status, await answer.text())

    fuzz(lab, requests_of_slack(product), take, budget)


def test_what_slack_did_not_sign(http: tuple[Lab, Product], budget: Budget) -> None:
    """Signatures, times and bodies of any kind: nothing of it is believed."""
    lab, product = http
    header = writable.map(lambda text: "".join(c for c in text if c.isprintable())[:3000])

    async def take(sent: tuple[str, str, bytes]) -> None:
        stamp, signed, body = sent
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signed}
        url = f"{product.base}/slack/events"
        async with product.stage.session.post(url, data=body, headers=headers) as answer:
            assert answer.status in {400, 401}, answer.status

    inputs = st.tuples(header, header | st.sampled_from(["v0=", "v0=" + "0" * 64]), raw)
    fuzz(lab, inputs, take, budget)


# --- browsers


def visits(product: Product) -> st.SearchStrategy[tuple[str, str, bytes | None, dict[str, str]]]:
    """Pages, callbacks and forms: method, path with query, body, headers."""
    part = st.one_of(writable, st.sampled_from(["x" * 43, "x" * 9_000, ".", "..", "%"])).map(
        lambda text: quote(text, safe="")[:7000]
    )
    secret = st.one_of(part, st.sampled_from([link.rpartition("/")[2] for link in product.links]))
    path = st.one_of(
        st.builds(
            "/{}/{}{}".format,
            st.sampled_from(["go", "l", "again", "renew", "receives", "ask", "export", "callback", "static"]),
            secret,
            st.sampled_from(["", "", "/form", "/"]),
        ),
        st.builds("/callback/{}".format, st.sampled_from(["google", "microsoft", "imap"]) | part),
        st.sampled_from(["/", "/healthz", "/readyz", "/metrics", "/slack/events", "/static/page.css"]),
        st.builds("/{}".format, part),
    )
    names = [
        "code",
        "state",
        "error",
        "error_description",
        "admin_consent",
        "tenant",
        "scope",
        "handle",
        "iss",
    ]
    fields = ["host", "port", "security", "user", "password", "address", *names]
    query = st.dictionaries(st.sampled_from(names) | writable, writable, max_size=4).map(urlencode)
    form = st.dictionaries(st.sampled_from(fields) | writable, writable, max_size=6)
    filled = form.map(
        lambda it: urlencode(it).encode()
    )  # names as odd as they come: the client's own forms refuse
    kinds = st.sampled_from(
        [FORM, "multipart/form-data; boundary=x", "multipart/form-data", JSON, "text/plain; charset=x"]
    )
    languages = st.sampled_from(["ja", "en;q=0.1, ja", "x" * 3_000, ",,;q=", "*", "zz-ZZ;q=nan"])
    headers = st.fixed_dictionaries(
        {},
        optional={
            "Content-Type": kinds,
            "Accept-Language": languages,
            "Cookie": st.sampled_from(["inboxkeeper=x", "=;;,\\", "a=" + "b" * 4_000]),
            "Origin": st.sampled_from([product.base, "null", "http://evil.example", "\\"]),
            "Sec-Fetch-Site": st.sampled_from(["same-origin", "cross-site", "x"]),
            "Range": st.just("bytes=0-,-1"),
            "If-Modified-Since": st.just("yesterday"),
        },
    )
    methods = st.sampled_from(["GET", "GET", "POST", "POST", "HEAD", "PUT", "OPTIONS", "BREW"])
    full = st.builds(lambda at, asked: f"{at}?{asked}" if asked else at, path, query)
    return st.tuples(methods, full, st.none() | filled | raw, headers)


def test_what_browsers_ask_for(http: tuple[Lab, Product], budget: Budget) -> None:
    """Landing pages, callbacks of providers, forms, and whatever is no page of ours."""
    lab, product = http
    at_home = {"Origin": product.base, "Sec-Fetch-Site": "same-origin"}

    async def take(visit: tuple[str, str, bytes | None, dict[str, str]]) -> None:
        method, path, body, headers = visit
        url = URL(f"{product.base}{path}", encoded=True)
        asked = product.stage.session.request(
            method, url, data=body, headers={**at_home, **headers}, allow_redirects=False
        )
        with suppress(aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):  # refused while it was sent
            async with asked as answer:
                assert answer.status < 500 or path.startswith("/readyz"), answer.status
        await product.healthy()

    fuzz(lab, visits(product), take, budget)


# --- bytes

_HEADS: Final = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /go/secret HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /callback/google HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b'Content-Length: 60\r\n\r\n--x\r\nContent-Disposition: form-data; name="state"\r\n\r\na\r\n--x--\r\n',
    b"POST /callback/google HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 7\r\n\r\nstate=a",
    b"GET /go/secret HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
    b"Upgrade: websocket\r\n\r\n",
]


def test_what_is_hardly_http(http: tuple[Lab, Product], budget: Budget) -> None:
    """Bytes on the port: an answer or a hang-up, and nothing in the log."""
    lab, product = http

    async def take(sent: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", product.port)
        said = b""
        try:
            with suppress(ConnectionError):
                writer.write(sent)
                await writer.drain()
                writer.write_eof()
                async with asyncio.timeout(5):
                    said = await reader.read(64)
        finally:
            writer.transport.abort()
        assert not said.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")), said
        await product.healthy()

    fuzz(lab, damaged(st.sampled_from(_HEADS)) | raw, take, budget)
