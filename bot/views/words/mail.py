"""Where an address's mail goes, and which way leads there."""

from __future__ import annotations

from bot.domain.switching import may_switch
from bot.domain.whereabouts import NOWHERE
from bot.views.language import Language
from bot.views.models import Mail
from bot.views.text import shown
from bot.views.words.names import family, house


def place_words(lang: Language, mail: Mail) -> str:
    """Whose hosts take the mail."""
    if mail.place == NOWHERE:
        return lang.say("nowhere: by its DNS, the domain takes no mail")
    return lang.say("another mail host") if mail.place == "imap" else house(mail.label)


def mail_words(lang: Language, mail: Mail) -> str:
    """The plain fact."""
    domain, place = shown(mail.domain, 80), place_words(lang, mail)
    if mail.place == NOWHERE:
        return lang.say(
            "By its DNS, the domain {domain} takes no mail at all, since {when}: check its MX record.",
            domain=domain,
            when=lang.day_time(mail.since),
        )
    return lang.say("By its DNS, mail for {domain} goes to {place} now.", domain=domain, place=place)


def mail_in_short(lang: Language, mail: Mail) -> str:
    """The same where there is little room."""
    if mail.place == NOWHERE:
        return lang.say("its domain takes no mail")
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
        return lang.say("If that is meant to be so, switch the inbox. Everything else stays as it is.")
    return lang.say(
        "If that is meant to be so, disconnect the inbox first, then connect it at its new host. (Only "
        "between Gmail and Office 365 it can be switched.)"
    )
