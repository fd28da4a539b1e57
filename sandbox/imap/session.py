"""One connection to the local mail host. Rule: strict like a good server, broken only as told."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from sandbox.imap.faults import EXAMINE, LOGIN, Faults
from sandbox.sasl import BEARER, GMAIL, Manners, TokenCheck, Verdict

_ID = re.compile(r'\("[^"]+" "[^"]*"(?: "[^"]+" "[^"]*")*\)|NIL')
_ATOM = re.compile(r'"((?:[^"\\\r\n]|\\["\\])*)"|([^\s"(){%*\\\]]+)')


@dataclass
class Mailbox:
    """An account: its login name and its password."""

    user: str
    password: str = field(repr=False)
    messages: int = 3


@dataclass
class Host:
    """What all connections share."""

    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and made anew, when what is slow may go on."""
    takes_token: TokenCheck | None = None
    """``None`` where the host takes no tokens."""
    manners: Manners = GMAIL


class Session:
    """Speaks IMAP4rev1, as much of it as a look at a mailbox takes."""

    def __init__(
        self,
        host: Host,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        starttls: ssl.SSLContext | None,
    ) -> None:
        self._host = host
        self._reader, self._writer = reader, writer
        self._starttls = starttls
        """``None`` once private, or where the port was from the start."""
        self._user: str | None = None
        self._is_known = False
        """Who has logged in has said what they are."""

    async def run(self) -> None:
        # Whoever begins with TLS where plain text comes first sends what is no text.
        with suppress(OSError, EOFError, UnicodeError, asyncio.LimitOverrunError, ssl.SSLError):
            if await self._greets():
                while await self._answers(await self._line()):
                    pass
        with suppress(OSError, ssl.SSLError):
            self._writer.close()

    async def _greets(self) -> bool:
        faults = self._host.faults
        self._host.requests["connect"] += 1
        if faults.has("slow"):
            await self._host.released.wait()
        if faults.has("drops"):
            return False
        if faults.has("garbage"):
            self._say("HTTP/1.1 400 Bad Request")
            return False
        if faults.has("bye"):
            self._say("* BYE [UNAVAILABLE] Come back later.")
            return False
        if faults.has("huge_lines"):
            self._writer.write(b"* OK " + b"x" * 1_000_000 + b"\r\n")
        elif faults.has("literals"):
            self._writer.write(b"* OK hi {0}\r\n" + b"x{0}\r\n" * 5_000)
        elif faults.has("preauth"):
            self._say("* PREAUTH Welcome.")
        else:
            told = f"[CAPABILITY {self._offered()}] " if faults.has("telling") else ""
            self._say(f"* OK {told}The harbor's mail host is ready.")
        await self._writer.drain()
        return True

    async def _line(self) -> str:
        return (await self._reader.readuntil(b"\n")).decode().rstrip("\r\n")

    def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")

    async def _answers(self, line: str) -> bool:
        """Answer one command; whether the connection goes on."""
        tag, _, rest = line.partition(" ")
        command, _, arguments = rest.partition(" ")
        verb = command.upper()
        if verb == "LOGOUT":
            self._say("* BYE")
            self._say(f"{tag} OK Bye.")
            return False
        does = {
            "CAPABILITY": self._capability,
            "NOOP": self._noop,
            "ID": self._identified,
            "STARTTLS": self._turn_private,
            "LOGIN": self._login,
            "AUTHENTICATE": self._authenticate,
            "EXAMINE": self._examine,
            "LIST": self._list,
        }.get(verb)
        if does is None:
            self._say(f"{tag} BAD Unknown command.")
            return True
        goes_on = await does(tag, arguments)
        await self._writer.drain()
        return goes_on

    async def _capability(self, tag: str, _: str) -> bool:
        if self._host.faults.has("endless"):
            for _number in range(2_000):
                self._say("* OK Still thinking.")
        self._host.requests["capability"] += 1
        self._say(f"* CAPABILITY {self._offered()}")
        self._say(f"{tag} OK Done.")
        return True

    def _offered(self) -> str:
        listed = ["IMAP4rev1"]
        if self._starttls is not None:
            listed += (
                ["LOGINDISABLED"] if self._host.faults.has("no_starttls") else ["STARTTLS", "LOGINDISABLED"]
            )
        else:
            listed += self._ways_in()
        if self._host.faults.has("wants_id"):
            listed += ["ID"]
        return " ".join(listed)

    def _ways_in(self) -> list[str]:
        faults = self._host.faults
        if faults.has("login_disabled"):
            return ["LOGINDISABLED"]
        if faults.has("sasl_login"):
            return ["LOGINDISABLED", "AUTH=LOGIN"]
        if faults.has("only_sasl_login"):
            return ["AUTH=LOGIN"]
        if self._host.takes_token is None:
            return ["AUTH=PLAIN"]
        return ["AUTH=PLAIN", "SASL-IR", *(f"AUTH={one}" for one in self._host.manners.mechanisms)]

    async def _identified(self, tag: str, arguments: str) -> bool:
        if not _ID.fullmatch(arguments):
            self._say(f"{tag} BAD ID wants a list of names and values.")
            return True
        self._host.requests["id"] += 1
        self._is_known = self._user is not None
        self._say('* ID ("name" "Harbor")')
        self._say(f"{tag} OK Pleased to meet you.")
        return True

    async def _noop(self, tag: str, _: str) -> bool:
        self._say(f"{tag} OK Done.")
        return True

    async def _turn_private(self, tag: str, _: str) -> bool:
        if self._starttls is None or self._host.faults.has("no_starttls"):
            self._say(f"{tag} BAD Not here.")
            return True
        injected = b"* CAPABILITY IMAP4rev1 EVIL\r\n" if self._host.faults.has("injected") else b""
        # In one piece with the OK, as somebody between the two would send it.
        self._writer.write(f"{tag} OK Begin TLS now.\r\n".encode() + injected)
        await self._writer.drain()
        await self._writer.start_tls(self._starttls)
        self._starttls = None
        return True

    async def _login(self, tag: str, arguments: str) -> bool:
        words = [_unquoted(found) for found in _ATOM.finditer(arguments)]
        if len(words) != 2:
            self._say(f"{tag} BAD LOGIN wants a name and a password.")
            return True
        if self._host.faults.has("only_sasl_login"):
            self._say(f"{tag} NO [ALERT] Unsupported authentication mechanism.")
            return True
        return await self._enters(tag, *words)

    async def _authenticate(self, tag: str, arguments: str) -> bool:
        mechanism, _, initial = arguments.partition(" ")
        if f"AUTH={mechanism.upper()}" not in self._ways_in():
            self._say(f"{tag} NO [ALERT] Unsupported authentication mechanism.")
            return True
        if mechanism.upper() in BEARER:
            return await self._shows_token(tag, BEARER[mechanism.upper()], initial)
        if mechanism.upper() == "LOGIN":
            asked = [await self._asks(prompt) for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")]
            parts = ["", *asked]
        else:
            parts = (await self._asks("")).split("\0")
        if len(parts) != 3 or not all(parts[1:]):
            self._say(f"{tag} BAD Not a response to {mechanism}.")
            return True
        return await self._enters(tag, parts[1], parts[2])

    async def _shows_token(self, tag: str, form: re.Pattern[str], initial: str) -> bool:
        """What is not taken is told as a challenge at Gmail, which the client has to answer."""
        said = _decoded(initial) if initial else await self._asks("")
        found, check = form.fullmatch(said), self._host.takes_token
        self._host.requests["login"] += 1
        if found is None or check is None:
            self._say(f"{tag} BAD Invalid SASL argument.")
            return True
        if check(found["user"], found["token"]) is Verdict.REFUSED:
            self._host.requests["refused"] += 1
            if self._host.manners.challenge:
                await self._asks(self._host.manners.challenge)
            self._say(f"{tag} NO {self._host.manners.imap}")
            return True
        self._user = found["user"].lower()
        self._say(f"{tag} OK {self._user} authenticated (Success)")
        return True

    async def _asks(self, prompt: str) -> str:
        """What the client answers, decoded; empty if that makes no sense."""
        self._say(f"+ {prompt}")
        await self._writer.drain()
        return _decoded(await self._line())

    async def _enters(self, tag: str, user: str, password: str) -> bool:
        faults = self._host.faults
        self._host.requests["login"] += 1
        if faults.has("drops_at_login"):
            return False
        if faults.has("slow_login"):
            await self._host.released.wait()
        if self._starttls is not None or faults.has("login_disabled"):
            self._say(f"{tag} NO [PRIVACYREQUIRED] Not like this.")
            return True
        if faults.has("bye_first"):
            self._say("* BYE Too many failed logins.")
        mailbox = self._host.mailboxes.get(user.lower())
        if mailbox is None or mailbox.password != password:
            self._host.requests["refused"] += 1
            if faults.has("proxied") or faults.has("proxied_politely"):
                self._say("* BAD internal server error")
                if faults.has("proxied_politely"):
                    self._say("* BYE Closing")
                return False
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials.")
            return True
        if fault := faults.among(LOGIN, mailbox.user):
            self._host.requests["refused"] += 1
            self._say(f"{tag} {fault.format(user=user, password=password)}")
            return True
        self._user = mailbox.user
        notice = "[ALERT] Enable IMAP first. " if faults.has("silent") else ""
        self._say(f"{tag} OK {notice}Logged in.")
        return True

    async def _list(self, tag: str, _: str) -> bool:
        """There is INBOX, whatever is asked for."""
        if self._user is None:
            self._say(f"{tag} BAD Log in first.")
            return True
        self._say('* LIST (\\HasNoChildren) "/" INBOX')
        self._say(f"{tag} OK Done.")
        return True

    async def _examine(self, tag: str, name: str) -> bool:
        self._host.requests["examine"] += 1
        if self._user is None or name.strip('"').upper() != "INBOX":
            self._say(f"{tag} BAD Log in first." if self._user is None else f"{tag} NO [NONEXISTENT] None.")
            return True
        if self._host.faults.has("silent"):
            self._say("* BAD [ALERT] Please enable IMAP in the settings of your mail.")
            await self._writer.drain()
            await self._host.released.wait()
            return False
        if self._host.faults.has("wants_id") and not self._is_known:
            self._say(f"{tag} {EXAMINE['unsafe_login']}")
            return True
        if fault := self._host.faults.among(EXAMINE, self._user):
            self._say(f"{tag} {fault}")
            return True
        mailbox = self._host.mailboxes.get(self._user)
        self._say(f"* {mailbox.messages if mailbox else 0} EXISTS")
        self._say("* 0 RECENT")
        if self._host.faults.has("keywords"):
            self._say(rf"* FLAGS (\Seen {' '.join(f'keyword-number-{n:04}' for n in range(800))})")
        self._say(r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)")
        self._say("* OK [UIDVALIDITY 1] Valid.")
        self._say(f"{tag} OK [READ-ONLY] Opened.")
        return True


def _decoded(line: str) -> str:
    try:
        return base64.b64decode(line, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unquoted(found: re.Match[str]) -> str:
    return found[2] if found[2] is not None else re.sub(r'\\(["\\])', r"\1", found[1])
