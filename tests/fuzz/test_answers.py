"""Whatever is answered to the bot: by Google, Microsoft, Slack, mail hosts and name servers, or for them.

Each caller has a few errors by which it says what is wrong; anything else that comes out of it is a find.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import aiohttp
import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import strategies as st
from pyreqwest.client import Client
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import (
    ConsentDeclined,
    ConsentFailed,
    CursorLost,
    DirectoryAway,
    GroupsClosed,
    ProviderError,
    SlackError,
)
from bot.domain.grant import Grant, MailboxIdentity, Phase, Secret
from bot.domain.ids import ConversationId, GrantId, UserId, WorkspaceId
from bot.domain.notice import NoticeKind
from bot.metrics import Metrics
from bot.notifier import SlackMessenger
from bot.slack.client import SlackClient, StartRefused, who_are_we
from bot.slack.directory import SlackDirectory
from bot.slack.views_api import ViewsApi
from providers.base import Provider, RefreshedGrant
from providers.detect import Detector, SystemNames
from providers.google.provider import Google
from providers.http_client import HttpClient, provider_session
from providers.imap.autoconfig import Autoconfig, read_config
from providers.imap.protocol import ImapClient, Security, Trust
from providers.imap.provider import Imap
from providers.microsoft.oauth import MicrosoftTenants
from providers.microsoft.provider import Microsoft
from providers.settings import GoogleClient, MicrosoftClient
from providers.ssrf import SsrfGuard
from sandbox.imap import LocalImap
from tests.fuzz.harness import Budget, Lab, a_lab, fuzz
from tests.fuzz.inputs import damaged, gone_wrong, raw, texts, values, written
from tests.providers.contract import NOW, a_consent
from tests.providers.imap_stage import LOOPBACK, Names
from tests.views.samples import a_picture

SECRET: Final = "a-client-secret-nobody-may-see"
CLIENT: Final = "6731de76-14a6-49ae-97bc-6eba6914391e"
ADDRESS: Final = "alice@acme.example"
TID: Final = "11111111-2222-3333-4444-555555555555"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Stranger:
    """An HTTP server that gives these answers, one after the other and round again."""

    answers: list[Answer] = field(default_factory=list)
    url: str = ""
    session: aiohttp.ClientSession | None = None
    client: Client | None = None
    _next: int = 0

    def says(self, answers: list[Answer]) -> None:
        self.answers, self._next = answers, 0

    async def answer(self, _: web.Request) -> web.Response:
        status, headers, body = self.answers[self._next % len(self.answers)]
        self._next += 1
        return web.Response(status=status, headers=headers, body=body)

    @property
    def outside(self) -> aiohttp.ClientSession:
        assert self.session is not None
        return self.session

    @property
    def quick(self) -> Client:
        assert self.client is not None
        return self.client


@asynccontextmanager
async def a_stranger() -> AsyncIterator[Stranger]:
    stranger = Stranger()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stranger.answer)
    server = TestServer(app)
    # It takes whatever the bot sends: tokens that it handed out come back in headers.
    await server.start_server(max_field_size=2**24, max_line_size=2**24)
    async with server, aiohttp.ClientSession() as session, provider_session() as client:
        stranger.url, stranger.session, stranger.client = (
            str(server.make_url("")).rstrip("/"),
            session,
            client,
        )
        yield stranger


@pytest.fixture(scope="module")
def stranger() -> Iterator[tuple[Lab, Stranger]]:
    """Somebody who answers in others' place."""
    with a_lab(a_stranger) as made:
        yield made


def answers(seeds: list[Any]) -> st.SearchStrategy[list[Answer]]:
    """Up to three of them: valid JSON gone wrong, or whatever a machine between may say."""
    headers = st.fixed_dictionaries(
        {
            "Content-Type": st.sampled_from(
                [
                    "application/json",
                    "text/html; charset=utf-8",
                    "text/plain",
                    "application/json; charset=x",
                    "a",
                ]
            )
        },
        optional={
            "Retry-After": st.sampled_from(
                ["3", "-1", "9" * 12, "9" * 5000, "Fri, 31 Dec 2999 23:59:59 GMT", "٣"]
            ),
            "Cache-Control": st.sampled_from(["max-age=x", "max-age=" + "9" * 30, "public, max-age=-5"]),
            "WWW-Authenticate": st.sampled_from(["Bearer", 'Bearer claims="%%%", error="x"', "x" * 3000]),
        },
    )
    status = st.sampled_from([200, 200, 200, 200, 400, 400, 401, 403, 404, 418, 429, 500, 502, 503])
    body = gone_wrong(st.sampled_from(seeds)).map(written) | values.map(written) | raw
    return st.lists(st.tuples(status, headers, body), min_size=1, max_size=3)


async def only(allowed: tuple[type[BaseException], ...], call: Awaitable[Any]) -> Any:
    """Its result, or ``None`` if it says in its own words what is wrong."""
    try:
        return await call
    except allowed as error:
        assert SECRET not in str(error) and SECRET not in repr(error)
        return None


# --- Google and Microsoft


def a_token(**claims: Any) -> str:
    """A signed token whose signature nobody made."""
    parts = ({"alg": "RS256", "kid": "k", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(written(part)).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2ln"])


def a_grant(provider: str, subject: str) -> Grant:
    return Grant(
        id=GrantId("grant"),
        workspace_id=WorkspaceId("T1"),
        channel_id=None,
        address=ADDRESS,
        identity=MailboxIdentity(provider, subject),
        scopes=frozenset({"x"}),
        secret=Secret("a-refresh-token-nobody-may-see"),
        phase=Phase.LIVE,
        obtained_at=NOW,
    )


async def taken(provider: Provider, grant: Grant) -> None:
    """Every call that a provider answers."""
    allowed = (ProviderError, ConsentFailed, ConsentDeclined)
    consent = a_consent(ADDRESS)
    step = await only(allowed, provider.begin(consent))
    consent = replace(consent, memo=getattr(step, "memo", None))
    state = consent.state.reveal()
    await only(allowed, provider.redeem(consent, {"code": "code", "state": state}))
    await only(allowed, provider.redeem(replace(consent, is_shared=True), {"code": "code", "state": state}))
    fresh = await only(allowed, provider.refresh(grant))
    fresh = fresh or RefreshedGrant(Secret("token"), Secret("secret"), frozenset(), None)
    await only(allowed, provider.probe(grant, fresh))
    await only(allowed, provider.revoke(grant))


GOOGLE: Final[list[Any]] = [
    {
        "access_token": "ya29.x",
        "refresh_token": "1//x",
        "expires_in": 3599,
        "scope": "openid https://www.googleapis.com/auth/gmail.labels",
        "id_token": a_token(sub="1", email=ADDRESS, email_verified=True, iss="https://accounts.google.com"),
    },
    {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    {"error": {"code": 403, "message": "x", "status": "PERMISSION_DENIED", "errors": [{"reason": "x"}]}},
    {"error": {"code": 403, "details": [{"@type": "x", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}},
    {"labels": [{"id": "INBOX"}]},
    {"keys": [{"kid": "k", "kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256", "use": "sig"}]},
    {"k": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
]


def test_what_google_answers(stranger: tuple[Lab, Stranger], budget: Budget) -> None:
    """Tokens, keys, mailboxes and errors, of any shape."""
    lab, host = stranger
    lab.watch.secrets = [SECRET, "nobody-may-see"]

    async def take(said: list[Answer]) -> None:
        host.says(said)
        client = GoogleClient(
            client_id=CLIENT,
            client_secret=Secret(SECRET),
            auth_url=f"{host.url}/auth",
            token_url=f"{host.url}/token",
            revoke_url=f"{host.url}/revoke",
            certs_url=f"{host.url}/certs",
            issuer="https://accounts.google.com",
            gmail_api_url=f"{host.url}/gmail",
        )
        await taken(Google(client, session=host.quick, clock=lambda: NOW), a_grant("google", "1"))

    fuzz(lab, answers(GOOGLE), take, budget)


MICROSOFT: Final[list[Any]] = [
    {
        "access_token": a_token(tid=TID, oid="1", scp="Mail.ReadBasic"),
        "refresh_token": "0.x",
        "expires_in": 3599,
        "scope": "openid profile Mail.ReadBasic User.Read",
        "id_token": a_token(tid=TID, oid="1", preferred_username=ADDRESS, aud=CLIENT, nonce="n"),
        "client_info": "e30",
    },
    {
        "error": "invalid_grant",
        "error_description": "AADSTS50173: x",
        "error_codes": [50173],
        "suberror": "bad_token",
        "claims": "{}",
    },
    {"error": {"code": "InvalidAuthenticationToken", "message": "x", "innerError": {"code": "x"}}},
    {"id": "1", "mail": ADDRESS, "userPrincipalName": ADDRESS, "proxyAddresses": [f"SMTP:{ADDRESS}"]},
    {"value": [{"id": "1", "mail": ADDRESS}], "@odata.nextLink": "x"},
    {
        "issuer": f"https://login.microsoftonline.com/{TID}/v2.0",
        "token_endpoint": f"https://login.microsoftonline.com/{TID}/oauth2/v2.0/token",
        "authorization_endpoint": f"https://login.microsoftonline.com/{TID}/oauth2/v2.0/authorize",
        "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys",
    },
]


def token_answers(tokens: list[Any]) -> st.SearchStrategy[list[Answer]]:
    """A whole answer around an id token whose claims went wrong."""
    claims = gone_wrong(st.just({"tid": TID, "oid": "1", "preferred_username": ADDRESS, "sub": "1"}))

    def around(odd: Any) -> list[Answer]:
        token = a_token(**odd) if isinstance(odd, dict) and all(isinstance(k, str) for k in odd) else odd
        body = written({**tokens[0], "id_token": token, "access_token": token})
        return [(200, {"Content-Type": "application/json"}, body)]

    return (claims | values).map(around)


def test_what_microsoft_answers(stranger: tuple[Lab, Stranger], budget: Budget) -> None:
    """The same of Microsoft; and whether it knows a domain."""
    lab, host = stranger
    lab.watch.secrets = [SECRET, "nobody-may-see"]

    async def take(said: list[Answer]) -> None:
        host.says(said)
        client = MicrosoftClient(CLIENT, Secret(SECRET), host.url, f"{host.url}/graph")
        provider = Microsoft(client, session=host.quick, clock=lambda: NOW)
        await taken(provider, a_grant("microsoft", f"{TID}:1"))
        assert await MicrosoftTenants(host.outside, host.url).knows("acme.example") in {True, False}

    fuzz(lab, answers(MICROSOFT) | token_answers(MICROSOFT), take, budget)


# --- Slack

SLACK: Final[list[Any]] = [
    {"ok": True, "team_id": "T0ACME", "user_id": "U0BOT", "team": "Acme", "bot_id": "B1", "url": "https://a"},
    {"ok": True, "channel": {"id": "D1"}, "ts": "1.2", "message": {}},
    {"ok": True, "channel": "D1", "ts": "1.2", "view": {"id": "V1", "hash": "h"}},
    {
        "ok": True,
        "messages": [{"ts": "1.2", "metadata": {"event_payload": {"nonce": "n"}}}],
        "has_more": False,
    },
    {
        "ok": True,
        "user": {
            "id": "U1",
            "team_id": "T1",
            "profile": {"email": ADDRESS, "real_name": "A"},
            "locale": "en-US",
        },
        "members": [{"id": "U1", "profile": {"email": ADDRESS}, "is_admin": True}],
        "usergroups": [{"id": "S1", "name": "g"}],
        "users": ["U1"],
        "response_metadata": {"next_cursor": "x"},
    },
    {"ok": False, "error": "channel_not_found"},
    {"ok": False, "error": "ratelimited"},
    {"ok": False, "error": "invalid_auth", "warning": "x"},
    {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": ["x"]}},
]


class _Enough(Exception):
    pass


async def _enough(_: float) -> None:
    raise _Enough


def test_what_slack_answers(stranger: tuple[Lab, Stranger], budget: Budget) -> None:
    """To messages, look-ups, screens and at the start."""
    lab, host = stranger
    lab.watch.secrets = ["xoxb-nobody-may-see"]
    metrics = Metrics.build()
    there = ConversationId("D1")
    picture = a_picture(NoticeKind.SILENCE, notice={"subject": NOW.isoformat()})

    async def take(said: list[Answer]) -> None:
        host.says(said)
        web = AsyncWebClient(
            "xoxb-nobody-may-see", base_url=f"{host.url}/api/", session=host.outside, retry_handlers=[]
        )
        client = SlackClient(web, clock=lambda: NOW, metrics=metrics)
        messenger, directory = SlackMessenger(client), SlackDirectory(client)
        screen = ViewsApi(client)
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: messenger.open_dm(UserId("U1")),
            lambda: messenger.post(there, picture, nonce="n"),
            lambda: messenger.edit(there, "1.2", picture),
            lambda: messenger.find(there, "n", since=NOW, thread=None),
            messenger.is_there,
            lambda: directory.person(UserId("U1")),
            directory.groups,
            lambda: directory.group("S1"),
            lambda: directory.page(""),
            lambda: screen.open("t", {}),
            lambda: screen.update("V1", {}),
            lambda: screen.publish("U1", {}, known=None),
            lambda: screen.respond(f"{host.url}/respond", {}),
            lambda: who_are_we(client, lambda: NOW, _enough),
        ]
        allowed = (
            SlackError,
            DirectoryAway,
            CursorLost,
            GroupsClosed,
        )
        for call in calls:
            await only((*allowed, StartRefused, _Enough), call())

    fuzz(lab, answers(SLACK), take, budget)


# --- mail hosts

_CONFIG: Final = b"""<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="acme.example">
<domain>acme.example</domain><incomingServer type="imap"><hostname>imap.acme.example</hostname>
<port>993</port><socketType>SSL</socketType><username>%EMAILADDRESS%</username>
</incomingServer></emailProvider></clientConfig>"""


def test_what_lists_of_settings_say(stranger: tuple[Lab, Stranger], budget: Budget) -> None:
    """A suggestion, or none."""
    lab, host = stranger

    async def take(said: bytes) -> None:
        read_config(said, ADDRESS)
        host.says([(200, {"Content-Type": "text/xml"}, said)])
        wire = HttpClient(host.outside)
        found = Autoconfig(
            Names(), own=wire, listed=wire, ispdb_url=host.url, own_urls=(f"{host.url}/{{domain}}",)
        )
        await found.suggest(ADDRESS)

    fuzz(lab, damaged(st.just(_CONFIG)) | raw, take, budget)


@dataclass
class MailHost:
    """An IMAP host over real TLS that says what it is told to, whatever it is asked."""

    port: int
    context: ssl.SSLContext
    name: str
    provider: Imap
    lines: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tag = b""  # answers carry the tag of what was asked
        with suppress(OSError, ValueError):
            for line in self.lines:
                writer.write(line.replace(b"TAG", tag))
                await writer.drain()
                if not (asked := await reader.readline()):
                    break
                tag = asked.split(b" ")[0]
        writer.transport.abort()


@asynccontextmanager
async def a_mail_host() -> AsyncIterator[MailHost]:
    local = LocalImap()
    context = local._good
    trust = Trust(local.authority.pem)
    made: list[MailHost] = []
    server = await asyncio.start_server(
        lambda reader, writer: made[0].serve(reader, writer),  # noqa: PLW0108  made later
        "127.0.0.1",
        0,
        ssl=context,
    )
    port = server.sockets[0].getsockname()[1]
    names = Names({local.name: "127.0.0.1"})
    guard = SsrfGuard(names, allowed_networks=(LOOPBACK,), allowed_ports=frozenset({port}))
    async with aiohttp.ClientSession() as session:
        wire = HttpClient(session)
        autoconfig = Autoconfig(names, own=wire, listed=wire, ispdb_url="")
        imap = Imap(ImapClient(guard, trust, timeout=timedelta(seconds=0.2)), autoconfig, clock=lambda: NOW)
        made.append(MailHost(port, context, local.name, imap))
        yield made[0]
    server.close()
    await server.wait_closed()


_TALK: Final = (
    b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK done\r\n",
    b"TAG OK [CAPABILITY IMAP4rev1] Logged in\r\n",
    b"TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
    b"TAG NO [UNAVAILABLE] later\r\n",
    b"TAG BAD what\r\n",
    b"* 5 EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] UIDs\r\nTAG OK [READ-ONLY] done\r\n",
    b"* BYE see you\r\n",
    b"* PREAUTH hello\r\n",
    b"+ go on\r\n",
    b"* X {5}\r\nhello\r\nTAG OK\r\n",
    b"* {0}\r\n" * 1_200 + b"TAG OK\r\n",
    b"* " + b"x" * 200_000,
)


def test_what_mail_hosts_say(budget: Budget) -> None:
    """At a login from the form, and at a probe."""
    lines = st.sampled_from(_TALK)
    greeted = st.lists(lines | damaged(lines) | raw, max_size=4).map(lambda more: [_TALK[0], _TALK[1], *more])
    talk = greeted | st.lists(lines | damaged(lines) | raw, min_size=1, max_size=5)
    with a_lab(a_mail_host) as (lab, host):
        lab.watch.secrets = ["nobody-may-see"]
        form = {
            "host": host.name,
            "port": str(host.port),
            "security": Security.TLS.value,
            "user": ADDRESS,
            "password": "nobody-may-see",
        }

        async def take(said: list[bytes]) -> None:
            host.lines = said
            await only(
                (ProviderError, ConsentFailed, ConsentDeclined),
                host.provider.redeem(a_consent(ADDRESS), form),
            )

        fuzz(lab, talk, take, budget)


# --- name servers


class _NameServer(asyncio.DatagramProtocol):
    """Answers each question with what it is told to, and then with a failure: nobody waits for long."""

    def __init__(self) -> None:
        self.said: bytes = b""
        self.rdatas: list[tuple[str, str]] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            asked = dns.message.from_wire(data)
        except Exception:  # noqa: BLE001  our own client's question
            return
        answer = dns.message.make_response(asked)
        with suppress(Exception):  # what cannot be written is not said
            for kind, text in self.rdatas:
                answer.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", kind, text))
        failure = dns.message.make_response(asked)
        failure.set_rcode(dns.rcode.SERVFAIL)
        if self.said:
            self._transport.sendto(data[:2] + self.said, addr)
        elif answer.answer:
            self._transport.sendto(answer.to_wire(), addr)
        self._transport.sendto(failure.to_wire(), addr)


@asynccontextmanager
async def a_name_server() -> AsyncIterator[_NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(_NameServer, local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dns.asyncresolver, "default_resolver", resolver)
        yield server
    transport.close()


_RECORDS: Final = (
    ("MX", "10 aspmx.l.google.com."),
    ("MX", "0 ."),
    ("MX", "65535 " + "a." * 100),
    ("MX", "5 acme-example.mail.protection.outlook.com."),
    ("MX", r"5 \000\255.example."),
    ("TXT", '"v=spf1 include:_spf.google.com ~all"'),
    ("TXT", r'"v=spf1 \000\255 include:spf.protection.outlook.com" "' + "x" * 200 + '"'),
    ("SRV", "0 0 993 imap.acme.example."),
    ("SRV", "65535 65535 0 ."),
    ("CNAME", "loop.example."),
    ("A", "192.0.2.1"),
)


def test_what_name_servers_answer(budget: Budget) -> None:
    """An answer that cannot be used is an empty one; odd names are looked up like others."""
    records = st.lists(st.sampled_from(_RECORDS), max_size=4)
    with a_lab(a_name_server) as (lab, server):
        names = SystemNames()

        async def take(said: tuple[list[tuple[str, str]], bytes, str]) -> None:
            server.rdatas, server.said, domain = said
            for found in (
                await names.mx(domain),
                await names.txt(domain) or (),
                await names.cname(domain) or (),
            ):
                assert all(isinstance(one, str) for one in found)
            assert all(isinstance(one.port, int) for one in await names.srv(f"_imaps._tcp.{domain}") or ())
            await Detector(names).detect(f"alice@{domain}")

        domain = st.just("acme.example") | texts.map(lambda text: text[:300])
        inputs = st.tuples(records, st.just(b"") | st.binary(max_size=40), domain)
        fuzz(lab, inputs, take, budget)
