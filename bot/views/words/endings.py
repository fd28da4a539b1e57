"""How a trip through the browser ended: one answer per ending."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.access import same_address
from bot.domain.cause import ADMIN_CAUSES, Cause
from bot.domain.feature import Feature
from bot.domain.ticket import INTERRUPTED, SWITCHED_MEANWHILE, Ending, Purpose, TicketOutcome
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.causes import cause_words
from bot.views.words.features import lacking_words
from bot.views.words.names import family, house
from bot.views.words.revocations import manual_steps
from bot.views.words.said import Words
from bot.views.words.scopes import scope_lines


def ending_words(
    lang: Language, outcome: TicketOutcome, provider_label: str, lacking: Sequence[Feature] = ()
) -> Words:
    """``lacking``: features that a good ending leaves without their permission."""
    words = _ending_words(lang, outcome, provider_label, lacking)
    if not outcome.stands or outcome.ending not in _UNUSED:
        return words
    return replace(words, next_step=lang.together(words.next_step, _stands(lang, provider_label)))


_UNUSED: Final = frozenset({Ending.WRONG_MAILBOX, Ending.NOT_POSSIBLE})
"""A person signed in and allowed something for nothing; after the others they will sign in again."""


def _stands(lang: Language, provider_label: str) -> str:
    """Why what was allowed is not taken back, as it otherwise is."""
    at, key = house(provider_label), family(provider_label)
    if key == "google":
        return lang.say(
            "What you allowed at {house} stays: another inbox here uses the same account.", house=at
        )
    if key not in {"microsoft", "outlook"}:
        return ""
    steps, _ = manual_steps(lang, provider_label)
    return lang.say(
        "What you allowed at {house} stands there, although it is not used here. To take it back: {steps}.",
        house=at,
        steps=" › ".join(steps),
    )


def _ending_words(
    lang: Language, outcome: TicketOutcome, provider_label: str, lacking: Sequence[Feature]
) -> Words:
    at, address = house(provider_label), shown(outcome.ticket.address)
    match outcome.ending:
        case ending if ending.is_good:
            return _with_lacking(lang, good_ending(lang, ending, address), lacking, at)
        case Ending.PENDING:
            return Words(
                lang.say("Checking the mailbox…"),
                lang.say("You signed in; {address} is being checked right now.", address=address),
                lang.say("This page shows the result in a moment."),
            )
        case Ending.WRONG_MAILBOX:
            return _wrong_mailbox(lang, outcome, address)
        case Ending.PROVIDER_AWAY if outcome.code == INTERRUPTED:
            return Words(
                lang.say("Interrupted"),
                lang.say(
                    "Inboxkeeper was interrupted before {address} was checked. Nothing has changed here.",
                    address=address,
                ),
                lang.say("Try again."),
            )
        case Ending.PERMISSION_WITHHELD:
            return withheld(lang, outcome.missing, at)
        case Ending.DECLINED:
            return Words(
                lang.say("Cancelled"),
                lang.say("You cancelled at {house}. Nothing has changed.", house=at),
                lang.say("Try again whenever you like."),
            )
        case Ending.CONSENT_FAILED:
            return _consent_failed(lang, outcome, at)
        case Ending.NOT_PROVEN:
            return _not_proven(lang, outcome, provider_label)
        case Ending.NOT_POSSIBLE if outcome.code == SWITCHED_MEANWHILE:
            return Words(
                lang.say("Switched meanwhile"),
                lang.say(
                    "Meanwhile {address} was switched to another provider, so this sign-in is not used.",
                    address=address,
                ),
                lang.say("Look at your inboxes in Slack."),
            )
    return _stopped(lang, outcome.ending, address, at)


def _with_lacking(lang: Language, words: Words, lacking: Sequence[Feature], at: str) -> Words:
    """What is so stays so; then what is not, and the way to it."""
    if not lacking:
        return words
    next_step = lang.together(lacking_words(lang, lacking, at), words.next_step)
    return replace(words, next_step=next_step)


def approval_hint(lang: Language, at: str) -> str:
    """*Cancel* is also the only way off a page that asks for an admin's approval."""
    return lang.say("Did {house} say that an admin has to approve Inboxkeeper first?", house=at)


def good_ending(lang: Language, ending: Ending, address: str) -> Words:
    """The same sentence for the page, the modal and the message."""
    match ending:
        case Ending.RECONNECTED:
            return Words(
                lang.say("Reconnected ✓"),
                lang.say("{address} works again. We just checked it.", address=address),
            )
        case Ending.RESTORED:
            return Words(
                lang.say("Connected ✓"),
                lang.say(
                    "{address} is connected again, with its former settings and history.", address=address
                ),
            )
        case Ending.SWITCHED:
            return Words(
                lang.say("Switched ✓"),
                lang.say(
                    "{address} now works through its new provider. We just checked it.",
                    address=address,
                ),
                lang.say("A message in Slack says what becomes of the old permission."),
            )
        case Ending.SWITCHED_STILL_DISABLED:
            return Words(
                lang.say("Switched ✓"),
                lang.say(
                    "{address} is signed in at its new provider. It stays disabled, as it was.",
                    address=address,
                ),
                lang.say("A message in Slack says what becomes of the old permission."),
            )
        case Ending.STILL_DISABLED:
            return Words(
                lang.say("Signed in ✓"),
                lang.say("{address} is signed in again. It stays disabled, as it was.", address=address),
                lang.say("Enable it in Slack when you need it."),
            )
        case _:
            return Words(
                lang.say("Connected ✓"),
                lang.say("{address} is connected. We just checked it.", address=address),
            )


def wrong_mailbox(lang: Language, signed_in: str, address: str, account: str = "") -> Words:
    """``account`` is as whom to sign in, where that is not the address itself."""
    return Words(
        lang.say("That was another account"),
        lang.say(
            "You signed in as {signed_in}, but {address} is to be connected. Nothing has changed.",
            signed_in=shown(signed_in),
            address=address,
        ),
        lang.say("Sign in with the account {address}.", address=shown(account) or address),
    )


def _wrong_mailbox(lang: Language, outcome: TicketOutcome, address: str) -> Words:
    ticket, signed_in = outcome.ticket, shown(outcome.signed_in)
    words = wrong_mailbox(lang, outcome.signed_in, address, ticket.account)
    if ticket.purpose is not Purpose.RECONNECT:
        cannot = lang.say(
            "Groups and forwarding addresses (Google groups, Microsoft distribution lists) have no sign-in "
            "of their own: connect one through a mailbox that receives its mail. A super admin confirms that "
            "after signing in to it."
        )
        return replace(words, next_step=lang.together(words.next_step, cannot))
    if not same_address(outcome.signed_in, ticket.account):
        return words
    return replace(
        words,
        text=lang.say(
            "{address} was connected with another account than the one that is called {signed_in} now. "
            "Nothing has changed.",
            address=address,
            signed_in=signed_in,
        ),
        next_step=lang.say(
            "If this account is the right one from now on, remove the inbox in Slack and connect it again."
        ),
    )


def withheld(lang: Language, missing: frozenset[str], at: str) -> Words:
    """Names the boxes that were left unticked; only Google has boxes."""
    names = [lang.quoted(what) for what, _ in scope_lines(lang, missing)]
    if at != "Google":
        text = lang.say(
            "{house} did not give every permission. Missing: {permissions}.",
            house=at,
            permissions=lang.listed(names) or "…",
        )
        next_step = lang.say("Accept everything that is asked for: without it the mailbox cannot be checked.")
        return Words(lang.say("A permission is missing"), text, next_step)
    text = lang.count(
        "At {house} this box was left unticked: {permissions}.",
        "At {house} these boxes were left unticked: {permissions}.",
        max(len(names), 1),
        house=at,
        permissions=lang.listed(names) or "…",
    )
    next_step = lang.say("Leave every box ticked: without it the mailbox cannot be checked.")
    return Words(lang.say("A permission is missing"), text, next_step)


def _stopped(lang: Language, ending: Ending, address: str, at: str) -> Words:
    match ending:
        case Ending.PROVIDER_AWAY:
            return Words(
                lang.say("{house} does not answer", house=at),
                lang.say(
                    "{house} could not be reached, so {address} could not be checked. Nothing has changed.",
                    house=at,
                    address=address,
                ),
                lang.say("Try again in a few minutes."),
            )
        case Ending.OURS_BROKEN:
            return Words(
                lang.say("Not your fault"),
                lang.say("{house} does not accept Inboxkeeper's own registration.", house=at),
                lang.say("Tell whoever runs Inboxkeeper, and try again later."),
            )
        case _:
            return Words(
                lang.say("Not possible any more"),
                lang.say(
                    "Meanwhile {address} was removed or taken over, or you may no longer do this. Nothing "
                    "has changed.",
                    address=address,
                ),
                lang.say("Look at your inboxes in Slack."),
            )


def _consent_failed(lang: Language, outcome: TicketOutcome, at: str) -> Words:
    code = shown(outcome.code, 60)
    text = (
        lang.say("{house} ended the sign-in ({code}). Nothing has changed.", house=at, code=code)
        if code
        else lang.say("{house} ended the sign-in. Nothing has changed.", house=at)
    )
    return Words(
        lang.say("Sign-in did not finish"),
        text,
        lang.say("Try again. If it happens again, ask your organisation's {house} admin.", house=at),
    )


def _not_proven(lang: Language, outcome: TicketOutcome, provider_label: str) -> Words:
    title = lang.say("The mailbox did not answer")
    said = lang.say("You signed in, but the mailbox could not be opened.")
    cause = Cause(outcome.code) if outcome.code in set(Cause) else Cause.NONE
    if cause in _UNTOLD:
        return Words(title, said, lang.say("Try again. If it happens again, ask a super admin."))
    known = cause_words(lang, cause, provider_label)
    if cause is Cause.ADMIN_CONSENT:
        next_step = lang.say(
            "You got a message in Slack that you can send to that admin. Once they have approved, go on from "
            "there."
        )
        return Words(lang.say("An admin has to approve first"), known.why, next_step)
    if cause in ADMIN_CAUSES:  # refused before or after signing in: the mailbox was not at fault
        return Words(lang.say("{house} says no", house=house(provider_label)), known.why, known.next_step)
    return Words(title, lang.together(said, known.why), known.next_step)


_UNTOLD: Final = frozenset({Cause.NONE, Cause.GRANT_REFUSED, Cause.SIGN_IN_AGAIN})
"""Causes that say nothing to somebody who has just signed in."""
