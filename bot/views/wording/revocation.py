"""Both sides of a removal: what is gone here, what is known at the provider, and how to finish by hand."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from typing import Final

from bot.domain.grant import Revocation
from bot.domain.view_models import Removal
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording.names import company, family

LINKS: Final = {
    "google": "https://myaccount.google.com/connections",
    "microsoft": "https://myapps.microsoft.com",
    "outlook": "https://account.live.com/consent/Manage",
}
"""Where each provider lets people take permissions back today."""


def revocation_words(lang: Language, removal: Removal) -> str:
    """The provider's side, as far as it is known."""
    at = company(removal.provider_label)
    match removal.revocation:
        case Revocation.BY_HAND:
            return _by_hand(lang, removal, at)
        case Revocation.CONFIRMED:
            return lang.say("Revoked at {company}: confirmed. The access is gone there too.", company=at)
        case Revocation.REQUESTED:
            return lang.say(
                "Revoked at {company}: requested, not confirmed yet. We keep checking and tell you.",
                company=at,
            )
        case Revocation.NOT_CONFIRMED:
            return lang.say(
                "Revoked at {company}: not confirmed. You can remove the access by hand.", company=at
            )
        case Revocation.SHARED:
            return _shared(lang, removal, at)
        case Revocation.CANCELLED:
            return lang.say(
                "Not revoked at {company}: the mailbox was connected again before we asked.", company=at
            )
        case Revocation.NOT_ASKED:
            return lang.say(
                "Revoked at {company}: not requested yet. We will, and tell you how it ends.", company=at
            )


def _by_hand(lang: Language, removal: Removal, at: str) -> str:
    """Nothing is claimed that we cannot do."""
    if removal.family == "imap":
        return lang.say(
            "There is nothing that Inboxkeeper can revoke at {company}. If an app password was "
            "made for this, delete it there.",
            company=at,
        )
    if removal.delegate:
        return lang.say(
            "The permission at {company} is still there. Only somebody who signs in there as "
            "{person} can remove it.",
            company=at,
            person=shown(removal.delegate),
        )
    return lang.say(
        "The permission at {company} is still there. Only the mailbox's owner can remove it.", company=at
    )


def _shared(lang: Language, removal: Removal, at: str) -> str:
    return lang.say(
        "Not revoked at {company}, on purpose: {others} with the same account, and would stop "
        "working without it. What we had stored was deleted.",
        company=at,
        others=sharers(lang, removal.shared_here, removal.shared_elsewhere),
    )


def sharers(lang: Language, here: int, elsewhere: int) -> str:
    """Who else lives on the permission; other workspaces as a number only."""
    if here and elsewhere:
        return lang.say(
            "{here} here and {elsewhere} in other workspaces are connected",
            here=lang.count("{n} inbox", "{n} inboxes", here),
            elsewhere=elsewhere,
        )
    if elsewhere:
        return lang.count(
            "{n} inbox in another workspace is connected",
            "{n} inboxes in other workspaces are connected",
            elsewhere,
        )
    return lang.count("{n} more inbox here is connected", "{n} more inboxes here are connected", max(here, 1))


def manual_steps(lang: Language, provider: str) -> tuple[tuple[str, ...], str]:
    """How to take the access back by hand: the steps in order, and a deep link (may be empty)."""
    key = family(provider)
    return _steps(lang, key), LINKS.get(key, "")


def _steps(lang: Language, key: str) -> tuple[str, ...]:
    app = lang.say("(this app)")
    match key:
        case "google":
            return (
                lang.say("account settings"),
                lang.say("Security"),
                lang.say("third-party apps with account access"),
                lang.say("Manage third-party access"),
                app,
                lang.say("Remove access"),
            )
        case "microsoft":
            return (
                lang.say("account settings"),
                lang.say("App permissions"),
                lang.say("Change app permissions"),
                lang.say("Revoke"),
            )
        case "outlook":
            return (
                lang.say("apps and services you've given access"),
                app,
                lang.say("Edit"),
                lang.say("Remove these permissions"),
            )
        case _:
            return (lang.say("Ask your IT department."),)
