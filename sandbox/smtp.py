"""A local host that takes mail from who shows an access token. Rule: strict, and nothing leaves the machine.

The protocol is aiosmtpd's; what is ours are the logins by token, and what they are refused with.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session

from sandbox.imap.certificates import Authority
from sandbox.sasl import BEARER, GMAIL, Manners, TokenCheck, Verdict

HOST: Final = "smtp.harbor.example"


@dataclass(frozen=True)
class Sent:
    """A mail that was taken."""

    login: str
    sender: str
    recipients: tuple[str, ...]
    text: str


@dataclass
class LocalSmtp:
    """One port, with TLS from the first byte."""

    takes_token: TokenCheck
    authority: Authority
    manners: Manners = GMAIL
    name: str = HOST
    sent: list[Sent] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """So far: ``login``, and ``refused`` among them."""
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        loop = asyncio.get_running_loop()
        make = partial(
            _Protocol,
            self,
            hostname=self.name,
            ident="ready",
            loop=loop,
            auth_require_tls=False,  # it is private from the start, which aiosmtpd cannot see
            auth_exclude_mechanism=["LOGIN", "PLAIN", *(BEARER.keys() - set(self.manners.mechanisms))],
        )
        context = self.authority.sign(self.name).context()
        self._server = await loop.create_server(make, "127.0.0.1", 0, ssl=context)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    # --- what aiosmtpd calls

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 (aiosmtpd's)
        return await self._shown(server, args)

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        return await self._shown(server, args)

    async def handle_MAIL(  # noqa: N802
        self, _: SMTP, session: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content or ""
        login, recipients = str(session.auth_data), tuple(envelope.rcpt_tos)
        self.sent.append(Sent(login, envelope.mail_from or "", recipients, text))
        return "250 2.0.0 OK"

    async def _shown(self, server: SMTP, args: list[str]) -> AuthResult:
        self.requests["login"] += 1
        said: Any = args[1] if len(args) > 1 else await server.challenge_auth("", encode_to_b64=False)
        if said is MISSING:
            return AuthResult(success=False)  # and it has said so
        found = BEARER[args[0]].fullmatch(said.decode() if isinstance(said, bytes) else _decoded(said))
        if found is None:
            return AuthResult(success=False, handled=False, message="501 5.5.2 Cannot Decode response")
        verdict = self.takes_token(found["user"], found["token"])
        if verdict is Verdict.TAKEN:
            return AuthResult(success=True, auth_data=found["user"].lower())
        self.requests["refused"] += 1
        if self.manners.challenge and verdict is Verdict.REFUSED:
            answer = await server.challenge_auth(self.manners.challenge, encode_to_b64=False)
            if answer is MISSING:
                return AuthResult(success=False)
        return AuthResult(success=False, handled=False, message=self.manners.smtp[verdict])


class _Protocol(SMTP):
    """RFC 4954 §4 lets a client send 12,288 characters at once; tokens of Microsoft's need some thousand."""

    command_size_limit = 12_288
    line_length_limit = 16_384


def _decoded(line: str) -> str:
    try:
        return base64.b64decode(line, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
