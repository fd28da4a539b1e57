"""App passwords: where well-known hosts want one, and where each explains how to make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.views.language import Language

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
        "{host} wants an app password here instead of your usual one. Deleting it there ends the access.",
        host=host,
    )
    if key in _SWITCHED_OFF:
        first = lang.say("First switch IMAP on in the settings of {host}.", host=host)
        text = lang.together(first, text)
    return Guide(text, link)
