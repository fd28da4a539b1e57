"""What things are called: providers, where mail goes, the command's words, roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.access import Role
from bot.domain.address import NOWHERE
from bot.domain.provider_traits import LABELS, may_switch
from bot.domain.view_models import Mail
from bot.views.i18n import Language
from bot.views.text import shown

_PROGRAMS: Final = 5
_HOUSES: Final = {"Gmail": "Google", "Office 365": "Microsoft", "Outlook.com": "Microsoft"}


def company(provider_label: str) -> str:
    """Who answers for the mailbox: permissions of Gmail are given and taken back at Google."""
    return _HOUSES.get(provider_label, provider_label)


def more_people(lang: Language, n: int) -> str:
    """The end of a list of people that was cut."""
    return lang.count("and {n} more person", "and {n} more people", n)


def program_names(lang: Language, programs: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    named, rest = lang.listed(programs[:_PROGRAMS]), len(programs) - _PROGRAMS
    return named if rest <= 0 else lang.say("{features} and {n} more", features=named, n=rest)


def via_words(lang: Language, account: str) -> str:
    """Whose account opens an inbox that is not its own."""
    return lang.say("via {account}", account=shown(account))


def provider_of(key_or_label: str) -> str:
    """A provider's label, given either its key or its label."""
    return LABELS.get(key_or_label, key_or_label)


def family(provider: str) -> str:
    """A provider's key, given either its key or its label; an IMAP host's name stays as it is."""
    return {label: key for key, label in LABELS.items()}.get(provider, provider)


def place_words(lang: Language, mail: Mail) -> str:
    """Whose hosts take the mail."""
    if mail.place == NOWHERE:
        return lang.say("nowhere: according to its DNS, the domain accepts no mail")
    return lang.say("another mail host") if mail.place == "imap" else company(mail.label)


def mail_words(lang: Language, mail: Mail) -> str:
    """The plain fact."""
    domain, place = shown(mail.domain, 80), place_words(lang, mail)
    if mail.place == NOWHERE:
        return lang.say(
            "According to its DNS, the domain {domain} has accepted no mail at all since {when}: "
            "check its MX record.",
            domain=domain,
            when=lang.day_time(mail.since),
        )
    return lang.say(
        "According to its DNS, mail for {domain} now goes to {place}.", domain=domain, place=place
    )


def mail_in_short(lang: Language, mail: Mail) -> str:
    """The same where there is little room."""
    if mail.place == NOWHERE:
        return lang.say("its domain accepts no mail")
    return lang.say("new mail goes to {place}", place=place_words(lang, mail))


def way_words(lang: Language, mail: Mail, provider: str) -> str:
    """What to do about it. ``provider`` is where the inbox is connected, key or label; empty
    if nothing here can be done."""
    if mail.place == NOWHERE:
        return ""
    if not mail.is_on:
        return lang.say(
            "No {provider} client is configured. Ask whoever runs Inboxkeeper to add one.",
            provider=mail.label,
        )
    if may_switch(family(provider), mail.place):
        return lang.say("If this is intended, switch the inbox. Everything else stays as it is.")
    return lang.say(
        "If this is intended, disconnect the inbox first, then connect it at its new host. "
        "(Switching works only between Gmail and Office 365.)"
    )


def verb_words(lang: Language, verb: str) -> str:
    """``verb`` in the reader's language; one that has no word there stays as it is."""
    known = {
        "connect": lang.say("connect"),
        "list": lang.say("list"),
        "status": lang.say("status"),
        "disconnect": lang.say("disconnect"),
        "disable": lang.say("disable"),
        "enable": lang.say("enable"),
        "remove": lang.say("remove"),
        "reconnect": lang.say("reconnect"),
        "switch": lang.say("switch"),
        "edit": lang.say("edit"),
        "permissions": lang.say("permissions"),
        "why": lang.say("why"),
        "drill": lang.say("drill"),
    }
    return known.get(verb, verb)


def role_words(lang: Language, role: Role) -> tuple[str, str]:
    """The role's name, and what it allows."""
    match role:
        case Role.SUPER_ADMIN:
            return (
                lang.say("Super admins"),
                lang.say(
                    "do everything with team addresses, see, disable and remove every inbox, choose admins"
                ),
            )
        case Role.ACCOUNT_ACCESS:
            return (
                lang.say("Account access"),
                lang.say("do everything with team addresses"),
            )
        case Role.OWNER:
            return lang.say("Owners"), lang.say("do everything with their own inbox")
        case Role.CONNECTOR:
            return (
                lang.say("Whoever connected a team address"),
                lang.say("edit its name, what depends on it and who is told"),
            )
        case Role.ADDRESSEE:
            return (
                lang.say("Whose address it is in Slack"),
                lang.say("see, disable and remove an inbox that somebody else connected with it"),
            )
        case Role.MEMBER:
            return (
                lang.say("Members"),
                lang.say("see and reconnect team addresses; an admin must approve everything else"),
            )
