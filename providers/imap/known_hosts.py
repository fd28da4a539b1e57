"""What is known of mail hosts by their names: whose own sign-in must be used, and whose app passwords.

The one rule: no password is taken for a mailbox at Google or Microsoft; they have a sign-in that shows what
is allowed, and that its owner can end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SIGN_IN_HOSTS: Final[Mapping[str, str]] = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "google.com": "google",
    "outlook.com": "microsoft",
    "office365.com": "microsoft",
    "office.com": "microsoft",
    "hotmail.com": "microsoft",
    "live.com": "microsoft",
    "msn.com": "microsoft",
    "outlook.de": "microsoft",
    "outlook.cn": "microsoft",
    "partner.outlook.cn": "microsoft",
    "office365.us": "microsoft",
}
"""By the domain that hosts and addresses end in (``outlook.office365.com``, ``imap-mail.outlook.com``)."""

_GUIDANCE: Final[Mapping[str, str]] = {
    "yahoo.com": "yahoo",
    "aol.com": "aol",
    "me.com": "icloud",
    "icloud.com": "icloud",
    "mac.com": "icloud",
    "fastmail.com": "fastmail",
    "gmx.net": "gmx",
    "gmx.com": "gmx",
    "gmx.de": "gmx",
    "web.de": "webde",
    "zoho.com": "zoho",
    "zoho.eu": "zoho",
    "zoho.in": "zoho",
    "zoho.jp": "zoho",
    "yandex.com": "yandex",
    "yandex.ru": "yandex",
}
"""Hosts that want an app password, by the domain that they end in."""


def sign_in_of(host: str) -> str | None:
    """The key of the provider whose sign-in must be used for ``host``, if it is one of those."""
    return _by_ending(host, _SIGN_IN_HOSTS)


def guidance_for(host: str) -> str:
    """The key of the instructions for app passwords at ``host``; empty if none are known."""
    return _by_ending(host, _GUIDANCE) or ""


def _by_ending(host: str, known: Mapping[str, str]) -> str | None:
    labels = host.lower().rstrip(".").split(".")
    endings = (".".join(labels[start:]) for start in range(len(labels)))
    return next((known[ending] for ending in endings if ending in known), None)
