"""Mailboxes at any other host, through IMAP and a password.

The one rule: a password is stored only after it has opened the mailbox, and is then used sparingly: one
login shows both that it is accepted and that INBOX can be read, and hosts that lock people out are asked
as rarely as ``ProviderTraits`` says.

What a login proves is that host and password go together. It does not prove that mail for an address
arrives there, so a login name that is itself an address must be the wanted one (``docs/decisions/0014``).
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Final, cast
from urllib.parse import quote

import aiohttp

from bot.domain.address import has_control, visible
from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    FormFault,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderUnavailable,
    SignInElsewhere,
)
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret
from bot.domain.provider_traits import ProviderTraits
from providers.base import Authorization, Claim, Consent, Evidence, Form, RefreshedGrant, Renew
from providers.http_client import HttpClient
from providers.imap.autoconfig import HTTPS, Autoconfig, Names, guarded_session, guidance_for, sign_in_of
from providers.imap.errors import ImapErrors, words_of
from providers.imap.protocol import (
    Endpoint,
    ImapClient,
    ImapSession,
    NoWay,
    Security,
    Trust,
    inert_words,
    quoted,
)
from providers.settings import ImapSettings
from providers.ssrf import HostRefused, SsrfGuard, host_name

LEAST_INTERVAL: Final = timedelta(minutes=15)
_NO_SCOPES: Final[frozenset[str]] = frozenset()
_AUTOCONFIG_WAITS: Final = timedelta(seconds=2)
_LONGEST: Final = 1_000
"""Characters of a user name or password."""
_GIVEN: Final = ("host", "port", "security", "user")


def traits_of(least_interval: timedelta = LEAST_INTERVAL) -> ProviderTraits:
    """How IMAP hosts want to be asked: everything in proportion to the pause between two looks.

    At 15 min: a second witness after 10 min, once disconnected one login a day, and a host that has refused
    5 logins within an hour is left alone.
    """
    return ProviderTraits(
        takes_password=True,
        revokes=False,
        looks_after=(),
        most_looks=2,
        least_interval=least_interval,
        witness_after=least_interval * 2 / 3,
        after_disconnect=least_interval * 96,
        peers_in_tenant=True,
        refused_logins=5,
        refused_within=least_interval * 4,
    )


@dataclass(frozen=True, slots=True)
class _Account:
    """What a grant's secret holds."""

    at: Endpoint
    user: str
    password: Secret = field(repr=False)

    @property
    def identity(self) -> MailboxIdentity:
        """Host and login, folded: whether it is reached over TLS or STARTTLS makes no other mailbox."""
        port = "" if self.at.port in {993, 143} else f":{self.at.port}"
        return MailboxIdentity("imap", f"{self.user.casefold()}@{self.at.host}{port}", self.at.host)

    def sealed(self) -> Secret:
        return Secret(json.dumps({**asdict(self.at), "user": self.user, "password": self.password.reveal()}))

    @classmethod
    def of(cls, secret: Secret | None) -> _Account:
        """Raises ``GrantRejected`` when the secret was erased."""
        if not secret:
            raise GrantRejected("erased", Cause.PASSWORD_REFUSED)
        held = json.loads(secret.reveal())
        at = Endpoint(held["host"], held["port"], Security(held["security"]))
        return cls(at, held["user"], Secret(held["password"]))


@dataclass(frozen=True, slots=True)
class _Seen(RefreshedGrant):
    """A login that was accepted, and what the look into INBOX in the same session showed."""

    at: datetime
    refused: ProviderError | None


def guarded_web(settings: ImapSettings, names: Names) -> aiohttp.ClientSession:
    """HTTPS to hosts that people name: never to an inner one."""
    guard = SsrfGuard(names, HTTPS, allowed_networks=settings.allowed_networks)
    return guarded_session(guard)


class Imap:
    """The Provider for mailboxes with a password."""

    key = "imap"
    label = "IMAP"
    needed_scopes: frozenset[str] = _NO_SCOPES
    shared_scopes: frozenset[str] = _NO_SCOPES
    app_id = ""

    def __init__(
        self,
        wire: ImapClient,
        autoconfig: Autoconfig,
        *,
        clock: Callable[[], datetime],
        traits: ProviderTraits | None = None,
    ) -> None:
        self._wire = wire
        self._autoconfig = autoconfig
        self._clock = clock
        self._errors = ImapErrors()
        self.traits = traits or traits_of()

    @classmethod
    def built(
        cls,
        settings: ImapSettings,
        *,
        names: Names,
        listed: aiohttp.ClientSession,
        own: aiohttp.ClientSession,
        clock: Callable[[], datetime],
    ) -> Imap:
        """``own`` is ``guarded_web``; ``listed`` asks whoever the operator has named."""
        guard = SsrfGuard(
            names, allowed_networks=settings.allowed_networks, allowed_ports=settings.allowed_ports
        )
        autoconfig = Autoconfig(
            names,
            own=HttpClient(own, timeout=_AUTOCONFIG_WAITS),
            listed=HttpClient(listed, timeout=_AUTOCONFIG_WAITS),
            ispdb_url=settings.ispdb_url,
        )
        client = ImapClient(guard, Trust.of(settings.ca_file))
        return cls(client, autoconfig, clock=clock, traits=traits_of(settings.apart))

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        """See ``Provider``. A password needs nobody's approval."""
        return ""

    async def begin(self, consent: Consent) -> Form:
        """See ``Provider``. Raises ``SignInElsewhere`` for addresses at Google and Microsoft."""
        _check_sign_in(consent.address, consent.address.rpartition("@")[2])
        suggested = await self._autoconfig.suggest(consent.address)
        if suggested is None:
            return Form({"user": consent.address, "port": "993", "security": Security.TLS.value})
        _check_sign_in(consent.address, suggested.at.host)
        values = (suggested.at.host, str(suggested.at.port), suggested.at.security.value, suggested.user)
        return Form(dict(zip(_GIVEN, values, strict=True)), guidance_for(suggested.at.host))

    def claim(self, consent: Consent, fields: Mapping[str, str]) -> Claim:
        """See ``TakesForm``."""
        account = _filled_in(consent.address, fields)
        name = unicodedata.normalize("NFKC", account.user)
        return Claim(account.identity, name.lower() if "@" in name else "")

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        """See ``Provider``: logs in and looks into INBOX. Raises also ``FormFault`` (a field makes no sense)
        and ``SignInElsewhere``."""
        account = _filled_in(consent.address, callback)
        try:
            seen = await self._look(account)
        except HostRefused as refused:
            raise FormFault("port" if "port" in refused.code else "host", refused.code) from None
        if seen is not None:
            raise seen
        address = _address_of(account.user, consent.address)
        return Authorization(
            identity=account.identity,
            address=address,
            addresses=frozenset({address}),
            scopes=_NO_SCOPES,
            missing=_NO_SCOPES,
            secret=account.sealed(),
        )

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        """See ``Provider``. One login for both: ``probe`` tells what this one saw in the mailbox."""
        account = _Account.of(grant.secret)
        try:
            refused = await self._look(account)
        except HostRefused as moved:
            # What the name means now is no place to bring a password to; nothing is known of the mailbox.
            raise ProviderUnavailable(moved.code) from None
        return _Seen(
            access_token=account.password,
            secret=cast("Secret", grant.secret),
            scopes=grant.scopes,
            identity=account.identity,
            at=self._clock(),
            refused=refused,
        )

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        """See ``Provider``. The look was made with the login that ``fresh`` is; only a stranger's asks for
        another one."""
        seen = fresh if isinstance(fresh, _Seen) else cast("_Seen", await self.refresh(grant))
        if seen.refused is not None:
            raise seen.refused
        return Evidence(seen.at, "imap.examine")

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        """See ``Provider``. Nobody but the person can end a password: one login shows whether they did."""
        try:
            await (renew("") if renew else self.refresh(grant))
        except GrantRejected as refused:
            is_gone = refused.cause is Cause.PASSWORD_REFUSED and refused.code != "erased"
            return Revocation.CONFIRMED if is_gone else Revocation.NOT_CONFIRMED
        except (MailboxGone, AdminActionNeeded, PermissionMissing):
            return Revocation.BY_HAND  # refused for another reason: the password may well stand
        return Revocation.BY_HAND

    async def _look(self, account: _Account) -> ProviderError | None:
        """Log in and look into INBOX: what the mailbox said, ``None`` if it opened.

        Raises what the login met: ``ProviderError``, ``HostRefused``.
        """
        session: ImapSession | None = None
        try:
            async with self._wire.session(account.at) as session:
                login = await session.log_in(account.user, account.password)
                if not login.is_ok:
                    raise _counted(self._errors.of_login(login))
                look = await session.examine()
                if look.is_ok:
                    return None
                return without_secrets(self._errors.of_examine(look), account.user, account.password)
        except NoWay as no_way:
            raise _of_no_way(no_way) from None
        except ProviderError as error:
            if session is not None and isinstance(error, ProviderUnavailable):
                error.said = error.said or words_of(session.heard)
                error.is_counted = error.is_counted or session.is_login_open
                if error.code in {"hung_up", "BYE"} and session.was_turned_away:
                    error.doubt = Cause.LOGIN_UNCLEAR
            without_secrets(error, account.user, account.password)
            raise


def without_secrets(error: ProviderError, user: str, password: Secret) -> ProviderError:
    """A host that repeats the password gets none of its words shown, in whatever spelling."""
    plain = password.reveal()
    spelt = {
        plain,
        _base64(plain),
        _base64(f"\0{user}\0{plain}"),
        quoted(plain)[1:-1],
        quote(plain, safe=""),
        escape(plain),
    }
    shown = {inert_words(it).casefold() for it in spelt} | {it.casefold() for it in spelt}
    if any(_tells(error.said.casefold(), it) for it in shown if it):
        error.said = ""
    return error


_TELLING: Final = 4
"""Characters of a secret whose end was cut off."""


def _tells(said: str, secret: str) -> bool:
    """Whether words hold a secret, or its beginning where they were cut within it."""
    if secret in said:
        return True
    kept = said.removesuffix("…")
    return kept != said and any(
        kept.endswith(secret[:length]) for length in range(_TELLING, min(len(secret), len(kept) + 1))
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


_UNTRIED: Final = frozenset({"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "OVERQUOTA", "MECHANISM", "BAD"})
"""Codes of a host that says itself that it did not judge the password."""


def _counted(error: ProviderError) -> ProviderError:
    error.is_counted = error.code not in _UNTRIED
    return error


def _of_no_way(no_way: NoWay) -> ProviderError:
    """No private or no password login on offer: for a mailbox that once had one, its admin's decision."""
    if no_way.code == "no_starttls":
        # Somebody between us and the host can take the offer away, too: that is no news about the mailbox.
        return ProviderUnavailable(no_way.code)
    return AdminActionNeeded(no_way.code)


def _filled_in(address: str, fields: Mapping[str, str]) -> _Account:
    """The form, read. Raises ``FormFault`` and ``SignInElsewhere``."""
    _check_sign_in(address, address.rpartition("@")[2])
    at = _pasted(fields)
    try:
        host = host_name(at["host"])
    except HostRefused as refused:
        raise FormFault("host", refused.code) from None
    _check_sign_in(address, host)
    port = at["port"]
    if not (port.isascii() and port.isdecimal() and len(port) <= 5):
        raise FormFault("port", "port_not_allowed")
    if at["security"] not in set(Security):
        raise FormFault("security", "not_a_choice")
    user, password = visible(fields.get("user", "")).strip(), fields.get("password", "")
    for name, value in (("user", user), ("password", password)):
        if not value:
            raise FormFault(name, "missing")
        if len(value) > _LONGEST or has_control(value):
            raise FormFault(name, "not_possible")
    return _Account(Endpoint(host, int(port), Security(at["security"])), user, Secret(password))


_PASTED: Final = re.compile(
    r"(?:(?P<scheme>imaps?)://)?(?:[^@/\s]*@)?(?P<host>[^:/?#@\s]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/.*)?",
    re.IGNORECASE,
)
"""``imap.x.example:993``, ``imaps://imap.x.example/``: as mail programs and help pages write it."""
_MEANT: Final = {"993": Security.TLS.value, "143": Security.STARTTLS.value}


def _pasted(fields: Mapping[str, str]) -> dict[str, str]:
    """Host, port and security. What was pasted with the host says the other two more surely than fields that
    stand there anyway."""
    at = {name: visible(fields.get(name, "")).strip() for name in ("host", "port", "security")}
    found = _PASTED.fullmatch(at["host"])
    if found is None or ("@" in at["host"] and not found["scheme"]):
        return at
    at["host"] = found["host"]
    port = found["port"] or ("993" if (found["scheme"] or "").lower() == "imaps" else "")
    if port and port != at["port"]:
        at |= {"port": port, "security": _MEANT.get(port, at["security"])}
    return at


def _check_sign_in(address: str, host: str) -> None:
    if provider := sign_in_of(host):
        raise SignInElsewhere(address, provider)


def _address_of(user: str, wanted: str) -> str:
    """Whose mailbox it is: a login name that is an address speaks for itself; any other name is the person's
    word for the wanted one."""
    return (user if "@" in user else wanted).lower()
