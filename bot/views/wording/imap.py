"""Mailboxes with a password: where hosts want an app password, and why a form did not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain import errors as e
from bot.domain.channel import DOUBT_CAUSES, Cause
from bot.views.i18n import Language
from bot.views.text import Explanation, shown
from bot.views.wording.causes import cause_words
from bot.views.wording.errors import refusal_words

_HOSTS: Final[Mapping[str, tuple[str, str]]] = {
    "yahoo": ("Yahoo Mail", "https://help.yahoo.com/kb/SLN15241.html"),
    "aol": ("AOL Mail", "https://help.aol.com/articles/Create-and-manage-app-password"),
    "icloud": ("iCloud Mail", "https://support.apple.com/102654"),
    "fastmail": ("Fastmail", "https://www.fastmail.help/hc/en-us/articles/360058752854"),
    "gmx": ("GMX", "https://support.gmx.com/security/2fa/application-specific-passwords.html"),
    "webde": ("WEB.DE", "https://hilfe.web.de/sicherheit/2fa/anwendungsspezifisches-passwort.html"),
    "zoho": ("Zoho Mail", "https://accounts.zoho.com/home#security/app_password"),
    "yandex": ("Yandex Mail", "https://id.yandex.com/security/app-passwords"),
}
"""By the key that the provider gives: the host's name and its own page."""

_SWITCHED_OFF: Final = frozenset({"gmx", "webde", "zoho", "yandex"})
"""Hosts where IMAP must be switched on first."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What to do before filling in the form."""

    text: str
    link: str


def guide_of(lang: Language, key: str) -> Guide | None:
    """The instructions for a host; ``None`` where none are known."""
    if key not in _HOSTS:
        return None
    host, link = _HOSTS[key]
    text = lang.say(
        "{host} requires an app password here instead of your usual one. Deleting it there ends the access.",
        host=host,
    )
    if key in _SWITCHED_OFF:
        first = lang.say("First turn IMAP on in the settings of {host}.", host=host)
        text = lang.together(first, text)
    return Guide(text, link)


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def fault_words(lang: Language, error: e.InboxkeeperError, host: str) -> Explanation:
    """What was wrong and what to do, for whoever filled in the form."""
    at = shown(host, 80) or lang.say("the mail host")
    match error:
        case e.FormFault(name, code):
            return _field(lang, name, code, at)
        case e.GrantRejected(cause=Cause.PASSWORD_REFUSED):
            return _password(lang, error.code, at)
        case e.GrantRejected() | e.MailboxGone() | e.AdminActionNeeded():
            known = cause_words(lang, error.cause, at)
            return Explanation(lang.say("{host} refused", host=at), known.why, known.next_step)
        case e.ProviderUnavailable(doubt=Cause.LOGIN_UNCLEAR) if error.code == "CREDENTIALS":
            return _password(lang, error.code, at)
        case e.ProviderUnavailable() if error.doubt in DOUBT_CAUSES:
            return _in_doubt(lang, error.doubt, at)
        case e.ProviderUnavailable():
            return _unavailable(lang, error.code, at)
        case e.ProviderError():
            return _unavailable(lang, "", at)
    return refusal_words(lang, error)


def _field(lang: Language, name: str, code: str, at: str) -> Explanation:
    title = lang.say("Please check the form")
    match name, code:
        case "host", "unknown_host":
            return Explanation(
                title,
                lang.say("There is no host {host}.", host=at),
                lang.say("Check it for a typo, or ask your mail host for its IMAP server."),
            )
        case "host", "not_a_public_host":
            return Explanation(
                title,
                lang.say("{host} is not on the public internet.", host=at),
                lang.say("If it is your own server, whoever runs Inboxkeeper can allow its network."),
            )
        case "host", _:
            return Explanation(
                title,
                lang.say("That is not a full host name."),
                lang.say("Write it like imap.example.com."),
            )
        case "port", _:
            return Explanation(
                title,
                lang.say("This port is not used for IMAP."),
                lang.say("It is 993 with TLS, or 143 with STARTTLS."),
            )
        case _, "missing":
            return Explanation(title, lang.say("User name and password are both needed."), "")
        case _:
            return Explanation(title, lang.say("A field contains characters that cannot be used here."), "")


def _password(lang: Language, code: str, at: str) -> Explanation:
    if code == "APP_PASSWORD":
        return Explanation(
            lang.say("An app password is needed"),
            lang.say("{host} requires an app password here, not your usual one.", host=at),
            lang.say("Create one in your account's security settings there and enter it below."),
        )
    return Explanation(
        lang.say("Not accepted"),
        lang.say("{host} did not accept this user name and password.", host=at),
        lang.say("Check both. Many hosts require an app password here."),
    )


def _in_doubt(lang: Language, doubt: Cause, at: str) -> Explanation:
    """The host has answered, and not said whose trouble it is. Its own words stand below."""
    if doubt is Cause.INBOX_CLOSED:
        return Explanation(
            lang.say("{host} does not open the inbox", host=at),
            lang.say("The user name and password are right, but the inbox cannot be opened."),
            lang.say(
                "With some hosts, IMAP must first be turned on in the mailbox's settings. Otherwise "
                "try again in a few minutes, or ask your mail host."
            ),
        )
    return Explanation(
        lang.say("{host} refused", host=at),
        lang.say(
            "{host} refused the login without saying why: user name or password may be wrong, or the host "
            "has trouble of its own.",
            host=at,
        ),
        lang.say(
            "Check both, or try again in a few minutes. Many hosts require an app password here; "
            "with some, IMAP must first be turned on in the mailbox's settings."
        ),
    )


def _unavailable(lang: Language, code: str, at: str) -> Explanation:
    match code:
        case "certificate":
            return Explanation(
                lang.say("Not a safe connection"),
                lang.say(
                    "{host} could not prove that it is {host}: its certificate is not valid. The password "
                    "was not sent.",
                    host=at,
                ),
                lang.say("Check the host name, or ask your mail host."),
            )
        case "no_tls":
            return Explanation(
                lang.say("Not a safe connection"),
                lang.say("{host} does not speak TLS on this port. The password was not sent.", host=at),
                lang.say("Check host and port. Port 143 uses STARTTLS, port 993 uses TLS."),
            )
        case "old_tls" | "tls":
            return Explanation(
                lang.say("Not a safe connection"),
                lang.say(
                    "{host} and Inboxkeeper could not agree on a safe encryption (TLS 1.2 or later). The "
                    "password was not sent.",
                    host=at,
                ),
                lang.say("Ask your mail host."),
            )
        case "LOGINDISABLED" | "MECHANISM" | "ascii_only":
            return Explanation(
                lang.say("{host} refused", host=at),
                lang.say(
                    "{host} offers no way of logging in with a password that Inboxkeeper supports.", host=at
                ),
                lang.say("Ask your mail host whether it accepts passwords over IMAP."),
            )
        case _ if code.isupper():
            return Explanation(
                lang.say("{host} cannot process logins right now", host=at),
                lang.say(
                    "The mail host answered, but did not check the password ({code}).", code=shown(code, 60)
                ),
                lang.say("Try again in a few minutes, or ask your mail host."),
            )
        case "no_starttls":
            return Explanation(
                lang.say("Not a safe connection"),
                lang.say("{host} offers no encryption on this port. The password was not sent.", host=at),
                lang.say("Try TLS on port 993."),
            )
    return Explanation(
        lang.say("{host} does not answer", host=at),
        lang.say("The mail host could not be asked, so nothing is known about the password."),
        lang.say("Check host, port and security, or try again in a few minutes."),
    )
