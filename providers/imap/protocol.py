"""IMAP, as far as it takes to know that a mailbox works: greet, log in, look into INBOX, leave.

The one rule: a password travels only inside TLS 1.2 or later that was verified against the host's name.
There is no way back to plain text: on a STARTTLS port what was said before is thrown away, offers
included, and a server that does not turn to TLS gets nothing. Lines, answers and time are limited. Nothing
here logs, and no exception carries a line.

A host's addresses are tried side by side, each a little after the one before (RFC 8305): whatever goes wrong
with one before it has greeted is no news while another one does.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import metadata
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final, cast

from bot.domain.errors import ProviderUnavailable
from bot.domain.grant import Secret
from providers.ssrf import Address, SsrfGuard

LONGEST_LINE: Final = 128 * 1024
"""Of one line, literals included. Servers send 64 KB (a mailbox with many keywords) as a matter of course."""
_MOST_LINES: Final = 1_000
"""In one answer. EXAMINE of a mailbox with many flags has a dozen."""
_MOST_LITERALS: Final = 20
"""In one line."""
_MOST_KEPT: Final = 40
"""Of an answer's lines, those that say something to us; the first of each are kept."""
_LONGEST_KEPT: Final = 4_000
_LONGEST_SAID: Final = 200
_MOST_DIALLED: Final = 4
"""Addresses of one host that are tried."""
_HEAD_START: Final = 0.7
"""Seconds, or less where there is less time, that an address has before the next one is tried as well."""
_LOGIN_TAKES: Final = 2
"""Times the ordinary patience: 30 s. Dovecot holds every answer back once logins have failed, the right
password's too, for up to 21 s; what was not heard out would be taken for an outage."""
_PARTING: Final = 2.0
"""Seconds that a server which has said goodbye gets to answer the command all the same."""

_CODE: Final = re.compile(r"\[([^\s\[\](){%*\"\\]{1,60})(?: ([^\]]*))?\] ?(.*)")
"""A response code is an atom (RFC 3501): ``X-GM/2.1_b`` is one."""
_LITERAL: Final = re.compile(r"\{(\d{1,9})\+?\}$")
_STATUS: Final = frozenset({"OK", "NO", "BAD", "BYE"})


class Security(StrEnum):
    """How the connection becomes private."""

    TLS = "tls"
    STARTTLS = "starttls"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a mailbox is."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class ImapAnswer:
    """What the server said to one command."""

    status: str
    """``OK``, ``NO``, ``BAD``, or ``BYE`` where it hung up instead."""
    code: str = ""
    """The response code (RFC 5530), upper case; empty if there is none."""
    text: str = field(repr=False, default="")
    lines: tuple[str, ...] = field(repr=False, default=())
    """The untagged status lines and capabilities before it, without the asterisk."""
    about: str = field(repr=False, default="")
    """What stands in the response code behind its name."""

    @property
    def is_ok(self) -> bool:
        return self.status == "OK"


class NoWay(Exception):
    """This server offers no way that may be taken. ``code`` says which one is missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe that they are who they say. The system's list is read for the first session: it takes
    30 ms, and where nobody connects with a password it is never needed."""

    more: bytes | None
    """The operator's certificate authorities (PEM)."""

    @classmethod
    def of(cls, ca_file: str | None = None) -> Trust:
        """``ca_file`` holds more authorities (PEM). Raises ``OSError`` and ``ssl.SSLError``."""
        if not ca_file:
            return cls(None)
        trust = cls(Path(ca_file).read_bytes())
        _ = trust.ours  # what is wrong with the file is said at the start
        return trust

    @property
    def public(self) -> ssl.SSLContext:
        """The system's authorities."""
        return _trusting(None)

    @property
    def ours(self) -> ssl.SSLContext:
        """For the operator's own networks: knows the operator's authorities, too."""
        return _trusting(self.more)


@cache
def _trusting(more: bytes | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if more is not None:
        # What is not ASCII is no certificate but somebody's remark.
        context.load_verify_locations(cadata=more.decode("ascii", "ignore"))
    return context


class ImapClient:
    """Opens sessions."""

    def __init__(self, guard: SsrfGuard, trust: Trust, *, timeout: timedelta = timedelta(seconds=15)) -> None:
        """``timeout`` is for all that is done in a session, but for the answer to a login: that alone may
        take twice as long."""
        self._guard = guard
        self._trust = trust
        self._seconds = timeout.total_seconds()

    @asynccontextmanager
    async def session(self, at: Endpoint) -> AsyncIterator[ImapSession]:
        """A private connection that has been greeted; the time limit holds for all that is done in it.

        Raises ``HostRefused``, ``NoWay`` and ``ProviderUnavailable``.
        """
        opened: ImapSession | None = None
        try:
            async with asyncio.timeout(self._seconds) as limit:
                opened = await self._open(at)
                opened.limit, opened.patience = limit, self._seconds
                yield opened
                await opened.leave()
        except TimeoutError:
            raise ProviderUnavailable("timeout") from None
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise ProviderUnavailable(_code_of(error, is_open=opened is not None)) from None
        finally:
            if opened is not None:
                opened.drop()

    async def _open(self, at: Endpoint) -> ImapSession:
        """The first address that greets. Raises what the most telling of them met."""
        addresses = _in_turn(await self._guard.vetted(at.host, at.port))[:_MOST_DIALLED]
        head_start = min(_HEAD_START, self._seconds / (len(addresses) + 1))
        pending: set[asyncio.Task[ImapSession]] = set()
        failures: list[Exception] = []
        try:
            for address in (*addresses, None):
                if address is not None:
                    pending.add(asyncio.create_task(self._dial(at, address)))
                # The last of them has no successor to wait for.
                wait = head_start if address is not None else None
                while pending:
                    done, pending = await asyncio.wait(
                        pending, timeout=wait, return_when=asyncio.FIRST_COMPLETED
                    )
                    failures += [cast("Exception", it.exception()) for it in done if it.exception()]
                    if greeted := [it for it in done if not it.exception()]:
                        for other in greeted[1:]:
                            other.result().drop()
                        return greeted[0].result()
                    if address is not None:
                        break
            raise min(failures, key=_telling)
        finally:
            for task in pending:
                task.cancel()
            for late in await asyncio.gather(*pending, return_exceptions=True):
                if isinstance(late, ImapSession):
                    late.drop()

    async def _dial(self, at: Endpoint, address: Address) -> ImapSession:
        """Dial the judged address itself; the name is only what the certificate must be for."""
        context = self._trust.ours if self._guard.is_ours(address) else self._trust.public
        is_private = at.security is Security.TLS
        reader, writer = await asyncio.open_connection(
            str(address),
            at.port,
            ssl=context if is_private else None,
            server_hostname=at.host if is_private else None,
            limit=LONGEST_LINE,
        )
        session = ImapSession(reader, writer)
        try:
            await session.greeted(is_private=is_private)
            if not is_private:
                await session.turn_private(context, at.host)
        except BaseException:
            session.drop()
            raise
        return session


def _in_turn(addresses: Sequence[Address]) -> list[Address]:
    """One family after the other (RFC 8305, 4): where one has no route, the other is not at the end."""
    first = [it for it in addresses if it.version == addresses[0].version]
    others = [it for it in addresses if it.version != addresses[0].version]
    return [it for it in chain(*zip_longest(first, others)) if it is not None]


def _telling(error: Exception) -> bool:
    """Sorts first what says more than that nobody is there."""
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError)


_NO_TLS: Final = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "HTTPS_PROXY_REQUEST",
        "UNKNOWN_PROTOCOL",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "RECORD_TOO_SMALL",
        "UNEXPECTED_MESSAGE",
    }
)
"""What OpenSSL says (by its version) of an answer that is no TLS at all."""
_OLD_TLS: Final = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "HANDSHAKE_FAILURE_ON_CLIENT_HELLO",
        "NO_SHARED_CIPHER",
        "NO_PROTOCOLS_AVAILABLE",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "CA_KEY_TOO_SMALL",
        "CA_MD_TOO_WEAK",
        "WRONG_SIGNATURE_TYPE",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    }
)
"""What it says of a server whose TLS is too old to be trusted."""


def _code_of(error: Exception, *, is_open: bool) -> str:
    """What a connection met, in one word: ``certificate``, ``no_tls``, ``old_tls``, ``tls``,
    ``oversized_reply``, ``unreachable`` or, once it was open, ``hung_up``."""
    match error:
        case ssl.SSLCertVerificationError():
            return "certificate"
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return "hung_up" if is_open else "unreachable"
        case ssl.SSLError(reason=reason):
            return "no_tls" if reason in _NO_TLS else "old_tls" if reason in _OLD_TLS else "tls"
        case asyncio.LimitOverrunError():  # a line without an end
            return "oversized_reply"
    return "hung_up" if is_open else "unreachable"


class ImapSession:
    """One connection, one command at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._plain: asyncio.StreamWriter | None = None
        """The writer below TLS, kept for as long as the connection: dropping it would close that."""
        self._count = 0
        self._greeted_with: frozenset[str] | None = None
        """What the server offers, as far as it said so inside TLS without being asked."""
        self.limit: asyncio.Timeout | None = None
        """When the session must be over."""
        self.patience = 0.0
        self.heard: list[str] = []
        """What the server has said of its own accord since the login began, by line: all there is to show
        where it then falls silent."""
        self.is_login_open = False
        """A password was sent, and whether it is right has not been answered."""

    @property
    def was_turned_away(self) -> bool:
        """The last that was heard of an open login, but for a goodbye, is an untagged ``NO`` or ``BAD``.
        Before a hang-up that is what some proxies leave of a refusal (nginx 1.22), and of a dead server
        behind them; RFC 3501 (7.1.3) has it for a failure inside, too."""
        said = [line.partition(" ")[0].upper() for line in self.heard]
        last = next((word for word in reversed(said) if word != "BYE"), "")
        return self.is_login_open and last in {"NO", "BAD"}

    async def greeted(self, *, is_private: bool) -> None:
        """Hear the greeting. Raises ``ProviderUnavailable`` unless the server is ready for a login, with its
        words where nobody between can have put them into its mouth."""
        line = await self._line()
        status, _, rest = line.removeprefix("* ").partition(" ")
        if not line.startswith("* ") or status.upper() not in _GREETINGS:
            raise ProviderUnavailable("no_imap_greeting")
        code, about, text = _coded(rest)
        if is_private and code == "CAPABILITY":
            self._greeted_with = _offered([f"{code} {about}"])
        if status.upper() != "OK":
            away = ProviderUnavailable(code if code in _AWAY else status.upper())
            away.said = inert_words(text) if is_private else ""
            raise away

    async def turn_private(self, context: ssl.SSLContext, host: str) -> None:
        """STARTTLS. What arrived before the handshake is dropped with the reader that holds it: somebody
        between may have put words into the server's mouth (CVE-2011-0411 and its kin)."""
        if "STARTTLS" not in await self.capabilities():
            raise NoWay("no_starttls")
        if not (await self.command("STARTTLS")).is_ok:
            raise NoWay("no_starttls")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await loop.start_tls(self._writer.transport, protocol, context, server_hostname=host)
        assert transport is not None
        protocol.connection_made(transport)
        self._plain = self._writer
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def capabilities(self) -> frozenset[str]:
        """What the server offers now."""
        return _offered((await self.command("CAPABILITY")).lines)

    async def log_in(self, user: str, password: Secret) -> ImapAnswer:
        """Log in the first way that the server offers and knows: LOGIN, SASL PLAIN, SASL LOGIN. LOGIN only
        for ASCII (RFC 3501 has no word on how it spells the rest). Raises ``NoWay``."""
        offered = self._greeted_with or await self.capabilities()
        if "ID" in offered:
            await self._introduce()
        ways = _ways(offered, user, password)
        if not ways:
            raise NoWay("LOGINDISABLED" if "LOGINDISABLED" in offered else "ascii_only")
        for words, then in ways:
            answer = await self._try(words, then)
            if not is_no_such_way(answer):
                break
        if answer.is_ok:
            await self._introduce_again(offered, answer)
        return answer

    async def _try(self, words: str, then: Sequence[str]) -> ImapAnswer:
        """One login. The server may take its time over it, and has time left for the rest then."""
        self.heard.clear()
        self.is_login_open = True
        self._may_take(_LOGIN_TAKES * self.patience)
        answer = await self.command(words, then=then)
        self._may_take(self.patience)
        self.is_login_open = answer.status == "BYE"
        if answer.is_ok and answer.code == "ALERT":
            self.heard.append(f"OK [ALERT] {answer.text}")
        return answer

    def _may_take(self, seconds: float) -> None:
        if self.limit is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _introduce(self) -> None:
        """Say who we are (RFC 2971). Some hosts open no mailbox to strangers; what they answer is the same
        to us."""
        said = " ".join(f"{quoted(name)} {quoted(value)}" for name, value in _ourselves().items())
        await self.command(f"ID ({said})")

    async def _introduce_again(self, before: frozenset[str], answer: ImapAnswer) -> None:
        """Once more where it counts only after the login, or is offered only then."""
        told = [line for line in answer.lines if line.upper().startswith("CAPABILITY ")]
        if answer.code == "CAPABILITY":
            told.append(f"CAPABILITY {answer.about}")
        offered = _offered(told) if told else before if "ID" in before else await self.capabilities()
        if "ID" in offered:
            await self._introduce()

    async def examine(self) -> ImapAnswer:
        """Look into INBOX without touching it."""
        return await self.command("EXAMINE INBOX")

    async def leave(self) -> None:
        """Say goodbye; whether it is heard matters to nobody."""
        with suppress(OSError):
            self._send(f"a{self._count + 1} LOGOUT")
            await self._writer.drain()

    def drop(self) -> None:
        self._writer.transport.abort()

    async def command(self, words: str, *, then: Sequence[str] = ()) -> ImapAnswer:
        """Send a command and hear its answer. ``then`` is sent when the server asks to go on, one by one.

        A server that says goodbye first may answer all the same. ``BYE`` is the status where it did not.
        """
        self._count += 1
        tag = f"a{self._count}"
        self._send(f"{tag} {words}")
        lines: list[str] = []
        more = list(then)
        for _ in range(_MOST_LINES):
            line = await self._line()
            if line.startswith(f"{tag} "):
                return read_answer(line.removeprefix(f"{tag} "), lines)
            if line.startswith("+"):
                # Asked for more than there is, an asterisk ends the exchange (RFC 3501, 6.2.2).
                self._send(more.pop(0) if more else "*")
                continue
            if not line.startswith("* "):
                raise ProviderUnavailable("no_imap")
            self._keep(line.removeprefix("* "), lines)
            if line[2:5].upper() == "BYE":
                return await self._last_words(tag, line.removeprefix("* "), lines)
        raise ProviderUnavailable("oversized_reply")

    async def _last_words(self, tag: str, bye: str, lines: list[str]) -> ImapAnswer:
        """What comes after ``BYE``: the answer, or nothing."""
        with suppress(TimeoutError, OSError, EOFError):
            async with asyncio.timeout(_PARTING):
                for _ in range(_MOST_LINES):
                    line = await self._line()
                    if line.startswith(f"{tag} "):
                        return read_answer(line.removeprefix(f"{tag} "), lines)
                    self._keep(line.removeprefix("* "), lines)
        return read_answer(bye, lines)

    def _keep(self, line: str, lines: list[str]) -> None:
        """What was asked for, and what the server wants to have said. The rest (flags, counts, whole lists of
        keywords) is nobody's business."""
        word = line.partition(" ")[0].upper()
        if word not in {*_STATUS, "CAPABILITY"} or len(lines) >= _MOST_KEPT:
            return
        lines.append(line[:_LONGEST_KEPT])
        if word in _STATUS and len(self.heard) < _MOST_KEPT:
            self.heard.append(line[:_LONGEST_KEPT])

    def _send(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")

    async def _line(self) -> str:
        """One line. Literals in it are read and left out: nothing we ask for needs one. Raises
        ``ProviderUnavailable`` for one that is too long, literals included, or has too many."""
        parts: list[str] = []
        room = LONGEST_LINE
        while True:
            raw = await self._reader.readuntil(b"\n")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            parts.append(line)
            room -= len(raw)
            literal = _LITERAL.search(line)
            if literal is None:
                return "".join(parts)
            room -= int(literal[1])
            if room < 0 or len(parts) > _MOST_LITERALS:
                raise ProviderUnavailable("oversized_reply")
            await self._reader.readexactly(int(literal[1]))


_Way = tuple[str, tuple[str, ...]]
"""The command, and what is sent when the server asks to go on."""


def _ways(offered: frozenset[str], user: str, password: Secret) -> list[_Way]:
    """The ways to log in that the server offers, the plainest first."""
    ways: list[_Way] = []
    if user.isascii() and password.reveal().isascii() and "LOGINDISABLED" not in offered:
        ways.append((f"LOGIN {quoted(user)} {quoted(password.reveal())}", ()))
    if "AUTH=PLAIN" in offered:
        ways.append(("AUTHENTICATE PLAIN", (_base64(f"\0{user}\0{password.reveal()}"),)))
    if "AUTH=LOGIN" in offered:
        ways.append(("AUTHENTICATE LOGIN", (_base64(user), _base64(password.reveal()))))
    return ways


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_MECHANISM: Final = r"(mechanism|auth\w{0,20} (method|type))"
_UNKNOWN: Final = r"(un(supported|known|recogni[sz]ed|available)|not (supported|enabled|available)|no such)"
_NO_SUCH_WAY: Final = re.compile(
    rf"{_UNKNOWN}[^.]{{0,40}}{_MECHANISM}|{_MECHANISM}[^.]{{0,40}}{_UNKNOWN}", re.IGNORECASE
)


def is_no_such_way(answer: ImapAnswer) -> bool:
    """Whether the server knows no such way to log in: it has not looked at the password."""
    return answer.status in {"NO", "BAD"} and bool(_NO_SUCH_WAY.search(answer.text))


def _offered(lines: Sequence[str]) -> frozenset[str]:
    listed = [line.upper().split() for line in lines]
    return frozenset(word for words in listed if words[:1] == ["CAPABILITY"] for word in words[1:])


@cache
def _ourselves() -> dict[str, str]:
    """What RFC 2971 has names for."""
    try:
        version = metadata.version("inboxkeeper")
    except metadata.PackageNotFoundError:  # run from a folder
        version = "0"
    return {"name": "Inboxkeeper", "version": version, "vendor": "Inboxkeeper"}


def quoted(text: str) -> str:
    """A quoted string. Raises ``ValueError`` for what would end the line."""
    if re.search(r"[\r\n\0]", text):
        raise ValueError("cannot stand in a line")
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def read_answer(said: str, lines: list[str]) -> ImapAnswer:
    """A status response without its tag. Raises ``ProviderUnavailable`` for what is none."""
    status, _, rest = said.partition(" ")
    if status.upper() not in _STATUS:
        raise ProviderUnavailable("no_imap")
    code, about, text = _coded(rest)
    return ImapAnswer(status.upper(), code, text[:_LONGEST_KEPT], tuple(lines), about)


def inert_words(given: str) -> str:
    """A host's words in one short line without hidden signs."""
    plain = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in given)
    words = " ".join(plain.split())
    return words if len(words) <= _LONGEST_SAID else words[: _LONGEST_SAID - 1] + "…"


def _coded(rest: str) -> tuple[str, str, str]:
    """A response's code, what stands behind its name, and the text."""
    found = _CODE.match(rest)
    return (found[1].upper(), found[2] or "", found[3]) if found else ("", "", rest)


_GREETINGS: Final = frozenset({"OK", "PREAUTH", "BYE", "NO"})
"""How a server may greet (RFC 3501, 7.1); ``NO`` is none, and some say it where ``BYE`` belongs."""
_AWAY: Final = frozenset({"UNAVAILABLE", "LIMIT", "SERVERBUG", "INUSE"})
"""Codes that say why nobody is let in."""
