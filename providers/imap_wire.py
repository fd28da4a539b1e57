"""IMAP, as far as it takes to know that a mailbox works: greet, log in, look into INBOX, leave.

The one rule: a password travels only inside TLS 1.2 or later that was verified against the host's name.
There is no way back to plain text: on a STARTTLS port what was said before is thrown away, offers
included, and a server that does not turn to TLS gets nothing. Lines, answers and time are limited. Nothing
here logs, and no exception carries a line.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from bot.domain.errors import ProviderUnavailable
from bot.domain.grant import Secret
from providers.hosts import Address, Guard

LONGEST_LINE: Final = 16 * 1024
_MOST_LINES: Final = 500
"""In one answer. EXAMINE of a mailbox with many flags has a dozen."""
_MOST_DIALLED: Final = 3
"""Addresses of one host that are tried in turn."""

_CODE: Final = re.compile(r"\[([A-Z][A-Z-]{0,40})(?: [^\]]*)?\] ?(.*)", re.IGNORECASE)
_LITERAL: Final = re.compile(r"\{(\d{1,9})\+?\}$")


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
class Answer:
    """What the server said to one command."""

    status: str
    """``OK``, ``NO``, ``BAD``, or ``BYE`` where it hung up instead."""
    code: str = ""
    """The response code (RFC 5530), upper case; empty if there is none."""
    text: str = field(repr=False, default="")
    lines: tuple[str, ...] = field(repr=False, default=())
    """The untagged lines before it, without the asterisk."""

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
    """Whom to believe that they are who they say."""

    public: ssl.SSLContext
    ours: ssl.SSLContext
    """For the operator's own networks: knows the operator's certificate authority, too."""

    @classmethod
    def of(cls, ca_file: str | None = None) -> Trust:
        """``ca_file`` holds more authorities (PEM). Raises ``OSError`` and ``ssl.SSLError``."""
        more = Path(ca_file).read_bytes() if ca_file else None
        return cls(_trusting(None), _trusting(more))


@cache
def _trusting(more: bytes | None) -> ssl.SSLContext:
    """The system's authorities, and ``more`` of them. Read once: the system's list takes longer to load than
    the rest of a start."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if more is not None:
        # What is not ASCII is no certificate but somebody's remark.
        context.load_verify_locations(cadata=more.decode("ascii", "ignore"))
    return context


class ImapWire:
    """Opens sessions."""

    def __init__(self, guard: Guard, trust: Trust, *, timeout: timedelta = timedelta(seconds=15)) -> None:
        self._guard = guard
        self._trust = trust
        self._seconds = timeout.total_seconds()

    @asynccontextmanager
    async def session(self, at: Endpoint) -> AsyncIterator[Session]:
        """A private connection that has been greeted; the time limit holds for all that is done in it.

        Raises ``HostRefused``, ``NoWay`` and ``ProviderUnavailable``.
        """
        opened: Session | None = None
        try:
            async with asyncio.timeout(self._seconds):
                opened = await self._open(at)
                yield opened
                await opened.leave()
        except TimeoutError:
            raise ProviderUnavailable("timeout") from None
        except ssl.SSLCertVerificationError:
            raise ProviderUnavailable("certificate") from None
        except ssl.SSLError:
            raise ProviderUnavailable("tls") from None
        except (OSError, EOFError):
            raise ProviderUnavailable("unreachable" if opened is None else "hung_up") from None
        except asyncio.LimitOverrunError:  # a line without an end
            raise ProviderUnavailable("oversized_reply") from None
        finally:
            if opened is not None:
                opened.drop()

    async def _open(self, at: Endpoint) -> Session:
        addresses = (await self._guard.vetted(at.host, at.port))[:_MOST_DIALLED]
        for address in addresses[:-1]:
            with suppress(ConnectionError):
                return await self._dial(at, address)
        return await self._dial(at, addresses[-1])

    async def _dial(self, at: Endpoint, address: Address) -> Session:
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
        session = Session(reader, writer)
        try:
            await session.greeted()
            if not is_private:
                await session.turn_private(context, at.host)
        except BaseException:
            session.drop()
            raise
        return session


class Session:
    """One connection, one command at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._plain: asyncio.StreamWriter | None = None
        """The writer below TLS, kept for as long as the connection: dropping it would close that."""
        self._count = 0

    async def greeted(self) -> None:
        """Hear the greeting. Raises ``ProviderUnavailable`` unless the server is ready for a login."""
        line = await self._line()
        status, _, rest = line.removeprefix("* ").partition(" ")
        if not line.startswith("* ") or status.upper() != "OK":
            code = _coded(rest)[0] or status.upper()
            raise ProviderUnavailable(code if code in _GREETINGS else "no_imap_greeting")

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
        answer = await self.command("CAPABILITY")
        listed = [line.upper().split() for line in answer.lines]
        return frozenset(word for words in listed if words[:1] == ["CAPABILITY"] for word in words[1:])

    async def log_in(self, user: str, password: Secret) -> Answer:
        """LOGIN, or AUTHENTICATE PLAIN where names or passwords are more than ASCII (RFC 3501 has no word
        on how LOGIN spells them) or LOGIN is switched off. Raises ``NoWay``."""
        offered = await self.capabilities()
        is_ascii = user.isascii() and password.reveal().isascii()
        if is_ascii and "LOGINDISABLED" not in offered:
            return await self.command(f"LOGIN {quoted(user)} {quoted(password.reveal())}")
        if "AUTH=PLAIN" not in offered:
            raise NoWay("LOGINDISABLED" if "LOGINDISABLED" in offered else "ascii_only")
        message = base64.b64encode(f"\0{user}\0{password.reveal()}".encode()).decode()
        return await self.command("AUTHENTICATE PLAIN", then=message)

    async def examine(self) -> Answer:
        """Look into INBOX without touching it."""
        return await self.command("EXAMINE INBOX")

    async def leave(self) -> None:
        """Say goodbye; whether it is heard matters to nobody."""
        with suppress(OSError):
            self._send(f"a{self._count + 1} LOGOUT")
            await self._writer.drain()

    def drop(self) -> None:
        self._writer.transport.abort()

    async def command(self, words: str, *, then: str | None = None) -> Answer:
        """Send a command and hear its answer. ``then`` is sent when the server asks to go on."""
        self._count += 1
        tag = f"a{self._count}"
        self._send(f"{tag} {words}")
        lines: list[str] = []
        while True:
            line = await self._line()
            if line.startswith(f"{tag} "):
                return _answer(line.removeprefix(f"{tag} "), lines)
            if line.startswith("+"):
                # Asked for more than there is, an asterisk ends the exchange (RFC 3501, 6.2.2).
                self._send(then if then is not None else "*")
                then = None
                continue
            if not line.startswith("* "):
                raise ProviderUnavailable("no_imap")
            lines.append(line.removeprefix("* "))
            if lines[-1].upper().startswith("BYE"):
                return _answer(lines[-1], lines)
            if len(lines) > _MOST_LINES:
                raise ProviderUnavailable("oversized_reply")

    def _send(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")

    async def _line(self) -> str:
        """One line. A literal in it is read and left out: nothing we ask for needs one."""
        raw = await self._reader.readuntil(b"\n")
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if literal := _LITERAL.search(line):
            if int(literal[1]) > LONGEST_LINE:
                raise ProviderUnavailable("oversized_reply")
            await self._reader.readexactly(int(literal[1]))
            return line + await self._line()
        return line


def quoted(text: str) -> str:
    """A quoted string. Raises ``ValueError`` for what would end the line."""
    if re.search(r"[\r\n\0]", text):
        raise ValueError("cannot stand in a line")
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _answer(said: str, lines: list[str]) -> Answer:
    status, _, rest = said.partition(" ")
    if status.upper() not in {"OK", "NO", "BAD", "BYE"}:
        raise ProviderUnavailable("no_imap")
    code, text = _coded(rest)
    return Answer(status.upper(), code, text, tuple(lines))


def _coded(rest: str) -> tuple[str, str]:
    found = _CODE.match(rest)
    return (found[1].upper(), found[2]) if found else ("", rest)


_GREETINGS: Final = frozenset({"BYE", "UNAVAILABLE", "LIMIT", "SERVERBUG", "INUSE", "PREAUTH"})
