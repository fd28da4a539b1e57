"""What can be wrong with a mail host. Rule: a fault is a line of a table; the session says it, or acts it.

Faults of the connection hit everybody; those of the login and of the mailbox one account or everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

LOGIN: Final = {
    "lockout": "NO [AUTHENTICATIONFAILED] Too many failed attempts.",
    "app_password": "NO [ALERT] Application-specific password required: https://harbor.example/app-passwords",
    "web_login": "NO [WEBALERT https://harbor.example/unlock] Web login required.",
    "alert": "NO [ALERT] Please accept the new terms at https://harbor.example/terms",
    "expired": "NO [EXPIRED] Your password has expired.",
    "contact_admin": "NO [CONTACTADMIN] Ask your administrator.",
    "not_authorized": "NO [AUTHORIZATIONFAILED] Not allowed.",
    "privacy_required": "NO [PRIVACYREQUIRED] Encrypt first.",
    "unavailable": "NO [UNAVAILABLE] The user database is away.",
    "server_bug": "NO [SERVERBUG] Internal error.",
    "in_use": "NO [INUSE] The mailbox is locked.",
    "limit": "NO [LIMIT] Too many connections.",
    "over_quota": "NO [OVERQUOTA] The mailbox is full.",
    "no_code": "NO LOGIN failed.",
    "trouble": "NO Server Unavailable. 15",
    "too_many": "NO [ALERT] Too many simultaneous connections",
    "generic_failure": "NO Login failed: generic failure",
    "invalid": "NO [ALERT] Invalid credentials (Failure)",
    "no_mechanism": "NO [ALERT] Unsupported authentication mechanism.",
    "unknown_code": "NO [MERCURY-RETROGRADE] Not today.",
    "bad": "BAD Cannot parse that.",
    "not_connected": "BAD User is authenticated but not connected.",
    "echo": "NO [ALERT] {password} is not the password of {user}.",
}
"""What a login is answered with, although name and password are right."""

EXAMINE: Final = {
    "no_inbox": "NO [NONEXISTENT] No such mailbox.",
    "no_permission": "NO [NOPERM] Access denied.",
    "inbox_unavailable": "NO [UNAVAILABLE] The store is away.",
    "inbox_refused": "NO Something is wrong with INBOX.",
    "unsafe_login": "NO EXAMINE Unsafe Login. Please contact support@harbor.example for help",
    "inbox_unknown_code": "NO [MERCURY-RETROGRADE] Not today.",
}
"""What opening INBOX is answered with."""

CONNECTION: Final = frozenset(
    {
        "bye",
        "slow",
        "drops",
        "drops_at_login",
        "huge_lines",
        "endless",
        "garbage",
        "preauth",
        "bad_certificate",
        "expired_certificate",
        "no_starttls",
        "login_disabled",
        "injected",
        "literals",  # never comes to the end of a line
        "telling",  # greets with what it offers, as Dovecot does
        "wants_id",  # opens no mailbox to who has not said, since the login, what it is
        "sasl_login",  # LOGIN is switched off, and SASL LOGIN is the only way in
        "only_sasl_login",  # the same, without saying that LOGIN is switched off
        "keywords",  # mailboxes with 800 keywords
        "slow_login",
        "proxied",  # through nginx: a refusal is an untagged BAD and a hang-up
        "proxied_politely",  # the same, with a goodbye between
        "bye_first",  # says goodbye before it answers a login
        "silent",  # accepts the login, and then only says that IMAP is not switched on
    }
)
"""What hits everybody who connects."""

FAULTS: Final = tuple(sorted({*LOGIN, *EXAMINE, *CONNECTION, "password_changed", "account_deleted"}))


@dataclass
class Faults:
    """What is broken now: for everybody (``None``) or for one account."""

    _broken: dict[str | None, list[str]] = field(default_factory=dict)

    def add(self, what: str, account: str | None) -> None:
        """Raises ``ValueError`` for what cannot be broken like that."""
        if what not in {*LOGIN, *EXAMINE, *CONNECTION}:
            raise ValueError(f"unknown fault {what}; known are: {', '.join(FAULTS)}")
        if what in CONNECTION and account is not None:
            raise ValueError(f"{what} hits everybody")
        self._broken.setdefault(account, []).append(what)

    def mend(self, account: str | None = None) -> None:
        """One account's faults, or all."""
        if account is None:
            self._broken.clear()
        else:
            self._broken.pop(account, None)

    def named(self, account: str | None) -> list[str]:
        return list(dict.fromkeys(self._broken.get(account, [])))

    def has(self, what: str) -> bool:
        """Whether everybody meets it."""
        return what in self._broken.get(None, ())

    def among(self, table: dict[str, str], account: str) -> str | None:
        """What this account meets of ``table``, its own fault before everybody's."""
        hit = [*self._broken.get(account, ()), *self._broken.get(None, ())]
        return next((table[what] for what in hit if what in table), None)
