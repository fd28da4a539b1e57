"""How a trip through the browser ended: one answer per ending."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.address import same_address
from bot.domain.feature import Feature
from bot.domain.ticket import INTERRUPTED, ONLY_CLAIMED, SWITCHED_MEANWHILE, Ending, Purpose, TicketOutcome
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.features import lacking_words
from bot.views.words.names import family, house
from bot.views.words.revocations import manual_steps
from bot.views.words.said import Words
from bot.views.words.scopes import scope_lines
from bot.views.words.unproven import not_proven


def ending_words(
    lang: Language,
    outcome: TicketOutcome,
    provider_label: str,
    lacking: Sequence[Feature] = (),
    *,
    in_slack: bool = False,
) -> Words:
    """``lacking``: features that a good ending leaves without their permission. ``in_slack``: nobody there is
    sent to Slack."""
    words = _ending_words(lang, outcome, provider_label, lacking, in_slack=in_slack)
    if not outcome.stands or outcome.ending not in _UNUSED:
        return words
    return replace(words, next_step=lang.together(words.next_step, _stands(lang, provider_label)))


_UNUSED: Final = frozenset({Ending.WRONG_MAILBOX, Ending.NOT_POSSIBLE, Ending.RIGHTS_UNREAD})
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
    lang: Language,
    outcome: TicketOutcome,
    provider_label: str,
    lacking: Sequence[Feature],
    *,
    in_slack: bool,
) -> Words:
    at, address = house(provider_label), shown(outcome.ticket.address)
    match outcome.ending:
        case ending if ending.is_good:
            return _with_lacking(lang, good_ending(lang, ending, address, in_slack=in_slack), lacking, at)
        case Ending.PENDING:
            return Words(
                lang.say("Checking the mailbox…"),
                lang.say("You signed in; {address} is being checked right now.", address=address),
                lang.say("The result appears here in a moment."),
            )
        case Ending.WRONG_MAILBOX:
            return _wrong_mailbox(lang, outcome, address, in_slack=in_slack)
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
            return not_proven(lang, outcome, provider_label, in_slack=in_slack)
        case Ending.OURS_BROKEN if outcome.code in _OURS_ALONE:
            return Words(
                lang.say("{house} cannot be connected right now", house=at),
                lang.say(
                    "Something is wrong with Inboxkeeper's own setup for {house}. Nothing has changed and "
                    "nothing is lost.",
                    house=at,
                ),
                lang.say("Whoever runs Inboxkeeper has been told. Try again later."),
            )
        case Ending.NOT_POSSIBLE if outcome.code == SWITCHED_MEANWHILE:
            return Words(
                lang.say("Switched meanwhile"),
                lang.say(
                    "Meanwhile {address} was switched to another provider, so this sign-in is not used.",
                    address=address,
                ),
                _look(lang, in_slack=in_slack),
            )
    return _stopped(lang, outcome.ending, address, at, in_slack=in_slack)


_OURS_ALONE: Final = frozenset({"key_lost", "no_client"})
"""Codes of what is wrong here, without the provider having refused anything."""


def _look(lang: Language, *, in_slack: bool) -> str:
    return lang.say("Look at your inboxes.") if in_slack else lang.say("Look at your inboxes in Slack.")


def _with_lacking(lang: Language, words: Words, lacking: Sequence[Feature], at: str) -> Words:
    """What is so stays so; then what is not, and the way to it."""
    if not lacking:
        return words
    next_step = lang.together(lacking_words(lang, lacking, at), words.next_step)
    return replace(words, next_step=next_step)


def approval_hint(lang: Language, at: str) -> str:
    """*Cancel* is also the only way off a page that asks for an admin's approval."""
    return lang.say("Did {house} say that an admin has to approve Inboxkeeper first?", house=at)


def good_ending(lang: Language, ending: Ending, address: str, *, in_slack: bool = False) -> Words:
    """The same sentence for the page, the modal and the message."""
    old_side = (
        lang.say("A message says what becomes of the old permission.")
        if in_slack
        else lang.say("A message in Slack says what becomes of the old permission.")
    )
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
                old_side,
            )
        case Ending.SWITCHED_STILL_DISABLED:
            return Words(
                lang.say("Switched ✓"),
                lang.say(
                    "{address} is signed in at its new provider. It stays disabled, as it was.",
                    address=address,
                ),
                old_side,
            )
        case Ending.STILL_DISABLED:
            return Words(
                lang.say("Signed in ✓"),
                lang.say("{address} is signed in again. It stays disabled, as it was.", address=address),
                lang.say("Enable it when you need it.")
                if in_slack
                else lang.say("Enable it in Slack when you need it."),
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


def _only_claimed(lang: Language, signed_in: str, address: str, account: str) -> Words:
    """Nobody was asked: the user name alone says whose mailbox it is."""
    return Words(
        lang.say("That is another mailbox"),
        lang.say(
            "The user name {signed_in} is the address of another mailbox, but {address} is to be connected. "
            "The password was not tried, and nothing has changed.",
            signed_in=signed_in,
            address=address,
        ),
        lang.say("Enter the user name of {address}.", address=shown(account) or address),
    )


def _renamed(lang: Language, outcome: TicketOutcome, address: str) -> Words:
    """The same login at another mail host: only people know whether it is the same mailbox."""
    return Words(
        lang.say("The same mailbox?"),
        lang.say(
            "This login works at {host}. So far {address} was connected at a mail host by another name. "
            "Nothing has changed.",
            host=shown(outcome.signed_in_id.rpartition("@")[2]),
            address=address,
        ),
        lang.say(
            "If the mail host was renamed and this is the same mailbox, the owner of a personal inbox, or a "
            "super admin, can confirm that here after such a login. Otherwise enter the former host."
        ),
    )


def _wrong_mailbox(lang: Language, outcome: TicketOutcome, address: str, *, in_slack: bool) -> Words:
    ticket, signed_in = outcome.ticket, shown(outcome.signed_in)
    if outcome.is_renamed:
        return _renamed(lang, outcome, address)
    words = wrong_mailbox(lang, outcome.signed_in, address, ticket.account)
    if outcome.code == ONLY_CLAIMED:
        words = _only_claimed(lang, signed_in, address, ticket.account)
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
            "{signed_in} belongs to a different account by now than the one that {address} was connected "
            "with. Nothing has changed.",
            address=address,
            signed_in=signed_in,
        ),
        next_step=lang.say(
            "If this account is the right one from now on, remove the inbox and connect it again."
        )
        if in_slack
        else lang.say(
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
    next_step = lang.say("Sign in again and tick all boxes; without that the mailbox cannot be checked.")
    return Words(lang.say("A permission is missing"), text, next_step)


def _stopped(lang: Language, ending: Ending, address: str, at: str, *, in_slack: bool) -> Words:
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
        case Ending.RIGHTS_UNREAD:
            return Words(
                lang.say("Cannot be checked right now"),
                lang.say(
                    "You signed in, but it could not be checked whether you may still do this, so {address} "
                    "was left as it was.",
                    address=address,
                ),
                lang.say("Try again in a few minutes: you sign in once more."),
            )
        case Ending.OURS_BROKEN:
            return Words(
                lang.say("{house} cannot be connected right now", house=at),
                lang.say(
                    "{house} does not accept Inboxkeeper's own registration. Nothing has changed.", house=at
                ),
                lang.say("Whoever runs Inboxkeeper has been told. Try again later."),
            )
        case _:
            return Words(
                lang.say("Not possible any more"),
                lang.say(
                    "Meanwhile {address} was removed or taken over, or you may no longer do this. Nothing "
                    "has changed.",
                    address=address,
                ),
                _look(lang, in_slack=in_slack),
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
