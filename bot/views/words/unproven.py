"""A sign-in after which the mailbox did not open: why, and who must act before trying again helps."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from typing import Final

from bot.domain.cause import ADMIN_CAUSES, MANAGED_CAUSES, Cause
from bot.domain.ticket import Ending, TicketOutcome
from bot.views.language import Language
from bot.views.words.causes import cause_words
from bot.views.words.names import house
from bot.views.words.said import Words


def not_proven(lang: Language, outcome: TicketOutcome, provider_label: str, *, in_slack: bool) -> Words:
    title = lang.say("The mailbox did not answer")
    said = lang.say("You signed in, but the mailbox could not be opened.")
    cause, at = _cause_of(outcome), house(provider_label)
    next_step = _next_try(lang, cause, at)
    if cause in _UNTOLD:
        return Words(title, said, next_step)
    why = cause_words(lang, cause, provider_label).why
    if cause is Cause.ADMIN_CONSENT:
        return Words(lang.say("An admin has to approve first"), why, _forward(lang, in_slack=in_slack))
    if cause in ADMIN_CAUSES:  # refused before or after signing in: the mailbox was not at fault
        return Words(lang.say("{house} says no", house=at), why, next_step)
    return Words(title, lang.together(said, why), next_step)


def _forward(lang: Language, *, in_slack: bool) -> str:
    if in_slack:
        return lang.say(
            "You got a message that you can send to that admin. Once they have approved, go on from there."
        )
    return lang.say(
        "You got a message in Slack that you can send to that admin. Once they have approved, go on from "
        "there."
    )


def _next_try(lang: Language, cause: Cause, at: str) -> str:
    """``cause_words`` speak of reconnecting; whoever has just signed in may be connecting or switching."""
    match cause:
        case Cause.PERMISSION_MISSING if at == "Google":
            return lang.say("Try again and tick all boxes.")
        case Cause.PERMISSION_MISSING:
            return lang.say("Try again and accept everything that is asked for.")
        case Cause.ADMIN_POLICY:
            return lang.say("Ask that admin to allow it, then try again.")
        case Cause.SHARED_ACCESS:
            return lang.say(
                "Ask your {house} admin for full access to the mailbox, or try again as somebody who has it.",
                house=at,
            )
        case Cause.PASSWORD_REFUSED:
            return lang.say("Try again with the present one; some hosts want an app password.")
        case Cause.ACCOUNT_DISABLED:
            return lang.say(
                "Ask whoever manages your {house} accounts to restore it, then try again.", house=at
            )
        case Cause.MAILBOX_MISSING:
            return lang.say(
                "Ask whoever manages your {house} accounts to switch mail on, then try again.", house=at
            )
        case Cause.OTHER_MAILBOX:
            return lang.say("Try again with the account that has this address now.")
        case _:
            return lang.say("Try again. If it happens again, ask a super admin.")


def _cause_of(outcome: TicketOutcome) -> Cause:
    return Cause(outcome.code) if outcome.code in set(Cause) else Cause.NONE


def waits_for_others(outcome: TicketOutcome) -> bool:
    """Whether trying again helps only after somebody else has acted."""
    if outcome.ending is Ending.NOT_PROVEN:
        return _cause_of(outcome) in ADMIN_CAUSES | MANAGED_CAUSES
    return outcome.ending is Ending.OURS_BROKEN


_UNTOLD: Final = frozenset({Cause.NONE, Cause.GRANT_REFUSED, Cause.SIGN_IN_AGAIN})
"""Causes that say nothing to somebody who has just signed in."""
