"""What providers are called: the mailbox people know, and the company that guards it."""

from __future__ import annotations

from typing import Final

from bot.views.language import Language
from bot.views.text import shown

_LABELS: Final = {"google": "Gmail", "microsoft": "Office 365", "outlook": "Outlook.com", "imap": "IMAP"}
_HOUSES: Final = {"Gmail": "Google", "Office 365": "Microsoft", "Outlook.com": "Microsoft"}


def house(provider_label: str) -> str:
    """Who answers for the mailbox: permissions of Gmail are given and taken back at Google."""
    return _HOUSES.get(provider_label, provider_label)


def more_people(lang: Language, n: int) -> str:
    """The end of a list of people that was cut."""
    return lang.count("and {n} more person", "and {n} more people", n)


def via_words(lang: Language, account: str) -> str:
    """Whose account opens an inbox that is not its own."""
    return lang.say("via {account}", account=shown(account))


def provider_of(key_or_label: str) -> str:
    """A provider's label, given either its key or its label."""
    return _LABELS.get(key_or_label, key_or_label)


def family(provider: str) -> str:
    """A provider's key, given either its key or its label; an IMAP host's name stays as it is."""
    return {label: key for key, label in _LABELS.items()}.get(provider, provider)
