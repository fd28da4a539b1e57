"""The setup card: what still stands between an installation and its first connected inbox."""

from __future__ import annotations

from bot.views.blocks import Block, bold, context, divider, inert, mention, section
from bot.views.language import Language
from bot.views.models import SetupCard
from bot.views.text import shown
from bot.views.words.names import house, provider_of

_NAMED = 5


def setup_blocks(lang: Language, card: SetupCard) -> list[Block]:
    """A checklist for a super admin; for everybody else whom to ask."""
    if not card.is_for_admin:
        return [section(_not_yet(lang, card)), divider()]
    lines = "\n".join([bold(lang.say("Set up Inboxkeeper")), *_lines(lang, card)])
    return [section(lines), context(_told(lang, card)), divider()]


def _not_yet(lang: Language, card: SetupCard) -> str:
    if not card.admins:
        return lang.say(
            "Inboxkeeper is not set up yet. Ask an owner of this Slack workspace, or whoever runs "
            "Inboxkeeper."
        )
    return lang.say("Inboxkeeper is not set up yet. Ask {people}.", people=people(lang, card.admins))


def _lines(lang: Language, card: SetupCard) -> list[str]:
    pages = lang.say("Pages open at {url}", url=inert(card.base_url, 200))
    if card.loopback_only:
        pages = lang.say(
            "Pages open at {url}: only on the machine that runs the bot. Set BASE_URL to an address that "
            "opens in your people's browsers.",
            url=inert(card.base_url, 200),
        )
    return [
        "✅ " + lang.say("Slack connected"),
        ("⚠️ " if card.loopback_only else "✅ ") + pages,
        _client(lang, card, "google", is_on=card.google_on),
        _client(lang, card, "microsoft", is_on=card.microsoft_on),
        "☐ " + lang.say("Connect the first inbox"),
    ]


def _client(lang: Language, card: SetupCard, key: str, *, is_on: bool) -> str:
    """Whether mailboxes at Google or Microsoft can be connected, and what is missing."""
    at = house(provider_of(key))
    if is_on:
        return "✅ " + lang.say("{house} client configured", house=at)
    uri = inert(shown(f"{card.base_url.rstrip('/')}/callback/{key}", 200), 200)
    return "☐ " + lang.say(
        "No {house} client yet: set the client ID and secret. Its redirect URI is {url}", house=at, url=uri
    )


def _told(lang: Language, card: SetupCard) -> str:
    if not card.admins:
        return lang.say("There is no active super admin.")
    return lang.say("Super admins: {people}", people=people(lang, card.admins))


def people(lang: Language, ids: tuple[str, ...]) -> str:
    """People as mentions, the first few of many."""
    named = lang.listed(mention(one) for one in ids[:_NAMED])
    rest = len(ids) - _NAMED
    return named if rest <= 0 else lang.say("{people} and {n} more", people=named, n=rest)
