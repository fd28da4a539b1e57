"""How a trip through the browser ended: one answer per ending, and why a mailbox was not proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.address import same_address
from bot.domain.channel import ADMIN_CAUSES, MANAGED_CAUSES, Cause
from bot.domain.features import Feature
from bot.domain.ticket import (
    INTERRUPTED,
    ONLY_CLAIMED,
    SWITCHED_MEANWHILE,
    OutcomeKind,
    Purpose,
    TicketOutcome,
)
from bot.views.i18n import Language
from bot.views.text import Explanation, shown
from bot.views.wording.causes import cause_words
from bot.views.wording.names import company, family
from bot.views.wording.revocation import manual_steps
from bot.views.wording.scopes import lacking_words, scope_lines

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def not_proven(lang: Language, outcome: TicketOutcome, provider_label: str, *, in_slack: bool) -> Explanation:
    title = lang.say("The mailbox did not answer")
    said = lang.say("You signed in, but the mailbox could not be opened.")
    cause, at = _cause_of(outcome), company(provider_label)
    next_step = _next_try(lang, cause, at)
    if cause in _UNTOLD:
        return Explanation(title, said, next_step)
    why = cause_words(lang, cause, provider_label).why
    if cause is Cause.ADMIN_CONSENT:
        return Explanation(lang.say("An admin has to approve first"), why, _forward(lang, in_slack=in_slack))
    if cause in ADMIN_CAUSES:  # refused before or after signing in: the mailbox was not at fault
        return Explanation(lang.say("{company} refused", company=at), why, next_step)
    return Explanation(title, lang.together(said, why), next_step)


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
            return lang.say("Try again and leave no box unticked.")
        case Cause.PERMISSION_MISSING:
            return lang.say("Try again and accept every permission.")
        case Cause.ADMIN_POLICY:
            return lang.say("Ask that admin to allow it, then try again.")
        case Cause.SHARED_ACCESS:
            return lang.say(
                "Ask your {company} admin for full access to the mailbox, or try again as "
                "somebody who has it.",
                company=at,
            )
        case Cause.PASSWORD_REFUSED:
            return lang.say("Try again with the current one; some hosts require an app password.")
        case Cause.ACCOUNT_DISABLED:
            return lang.say(
                "Ask whoever manages your {company} accounts to restore it, then try again.", company=at
            )
        case Cause.MAILBOX_MISSING:
            return lang.say(
                "Ask whoever manages your {company} accounts to turn mail on, then try again.", company=at
            )
        case Cause.OTHER_MAILBOX:
            return lang.say("Try again with the account that has this address now.")
        case _:
            return lang.say("Try again. If it happens again, ask a super admin.")


def _cause_of(outcome: TicketOutcome) -> Cause:
    return Cause(outcome.code) if outcome.code in set(Cause) else Cause.NONE


def waits_for_others(outcome: TicketOutcome) -> bool:
    """Whether trying again helps only after somebody else has acted."""
    if outcome.ending is OutcomeKind.NOT_PROVEN:
        return _cause_of(outcome) in ADMIN_CAUSES | MANAGED_CAUSES
    return outcome.ending is OutcomeKind.OURS_BROKEN


_UNTOLD: Final = frozenset({Cause.NONE, Cause.GRANT_REFUSED, Cause.SIGN_IN_AGAIN})
"""Causes that say nothing to somebody who has just signed in."""


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def ending_words(
    lang: Language,
    outcome: TicketOutcome,
    provider_label: str,
    lacking: Sequence[Feature] = (),
    *,
    in_slack: bool = False,
) -> Explanation:
    """``lacking``: features that a good ending leaves without their permission. ``in_slack``: nobody there is
    sent to Slack."""
    words = _ending_words(lang, outcome, provider_label, lacking, in_slack=in_slack)
    if not outcome.stands or outcome.ending not in _UNUSED:
        return words
    return replace(words, next_step=lang.together(words.next_step, _stands(lang, provider_label)))


_UNUSED: Final = frozenset({OutcomeKind.WRONG_MAILBOX, OutcomeKind.NOT_POSSIBLE, OutcomeKind.RIGHTS_UNREAD})
"""A person signed in and allowed something for nothing; after the others they will sign in again."""


def _stands(lang: Language, provider_label: str) -> str:
    """Why what was allowed is not taken back, as it otherwise is."""
    at, key = company(provider_label), family(provider_label)
    if key == "google":
        return lang.say(
            "What you allowed at {company} stays: another inbox here uses the same account.", company=at
        )
    if key not in {"microsoft", "outlook"}:
        return ""
    steps, _ = manual_steps(lang, provider_label)
    return lang.say(
        "What you allowed at {company} is still there, although it is not used here. To revoke it: {steps}.",
        company=at,
        steps=" › ".join(steps),
    )


def _ending_words(
    lang: Language,
    outcome: TicketOutcome,
    provider_label: str,
    lacking: Sequence[Feature],
    *,
    in_slack: bool,
) -> Explanation:
    at, address = company(provider_label), shown(outcome.ticket.address)
    match outcome.ending:
        case ending if ending.is_good:
            return _with_lacking(lang, _good(lang, outcome, provider_label, in_slack=in_slack), lacking, at)
        case OutcomeKind.PENDING:
            return Explanation(
                lang.say("Checking the mailbox…"),
                lang.say("You signed in; {address} is being checked right now.", address=address),
                lang.say("The result appears here in a moment."),
            )
        case OutcomeKind.WRONG_MAILBOX:
            return _wrong_mailbox(lang, outcome, address, in_slack=in_slack)
        case OutcomeKind.PROVIDER_AWAY if outcome.code == INTERRUPTED:
            return Explanation(
                lang.say("Interrupted"),
                lang.say(
                    "Inboxkeeper was interrupted before {address} was checked. Nothing has changed here.",
                    address=address,
                ),
                lang.say("Try again."),
            )
        case OutcomeKind.PERMISSION_WITHHELD:
            return withheld(lang, outcome.missing, at)
        case OutcomeKind.DECLINED:
            return Explanation(
                lang.say("Cancelled"),
                lang.say("You cancelled at {company}. Nothing has changed.", company=at),
                lang.say("Try again whenever you like."),
            )
        case OutcomeKind.CONSENT_FAILED:
            return _consent_failed(lang, outcome, at)
        case OutcomeKind.NOT_PROVEN:
            return not_proven(lang, outcome, provider_label, in_slack=in_slack)
        case OutcomeKind.OURS_BROKEN if outcome.code in _OURS_ALONE:
            return Explanation(
                lang.say("{company} cannot be connected right now", company=at),
                lang.say(
                    "Something is wrong with Inboxkeeper's own setup for {company}. Nothing has changed and "
                    "nothing is lost.",
                    company=at,
                ),
                lang.say("Whoever runs Inboxkeeper has been told. Try again later."),
            )
        case OutcomeKind.NOT_POSSIBLE if outcome.code == SWITCHED_MEANWHILE:
            return Explanation(
                lang.say("Switched meanwhile"),
                lang.say(
                    "In the meantime {address} was switched to another provider, so this sign-in is not "
                    "used.",
                    address=address,
                ),
                _look(lang, in_slack=in_slack),
            )
    return _stopped(lang, outcome.ending, address, at, in_slack=in_slack)


_OURS_ALONE: Final = frozenset({"key_lost", "no_client"})
"""Codes of what is wrong here, without the provider having refused anything."""


def _look(lang: Language, *, in_slack: bool) -> str:
    return lang.say("Look at your inboxes.") if in_slack else lang.say("Look at your inboxes in Slack.")


def _with_lacking(lang: Language, words: Explanation, lacking: Sequence[Feature], at: str) -> Explanation:
    """What is so stays so; then what is not, and the way to it."""
    if not lacking:
        return words
    next_step = lang.together(lacking_words(lang, lacking, at), words.next_step)
    return replace(words, next_step=next_step)


def approval_hint(lang: Language, at: str) -> str:
    """*Cancel* is also the only way off a page that asks for an admin's approval."""
    return lang.say("Did {company} say that an admin has to approve Inboxkeeper first?", company=at)


def _good(lang: Language, outcome: TicketOutcome, provider_label: str, *, in_slack: bool) -> Explanation:
    """A switch names where the inbox is now."""
    address = shown(outcome.ticket.address)
    words = good_ending(lang, outcome.ending, address, provider_label, in_slack=in_slack)
    match outcome.ending:
        case OutcomeKind.SWITCHED:
            text = lang.say(
                "{address} now works through {provider}. We just checked it.",
                address=address,
                provider=shown(provider_label, 40),
            )
        case OutcomeKind.SWITCHED_STILL_DISABLED:
            text = lang.say(
                "{address} is signed in at {provider} now. It stays disabled, as it was.",
                address=address,
                provider=shown(provider_label, 40),
            )
        case _:
            return words
    return replace(words, text=text)


def good_ending(
    lang: Language, ending: OutcomeKind, address: str, provider_label: str, *, in_slack: bool = False
) -> Explanation:
    """The same sentence for the page, the modal and the message. ``provider_label``: where it is now."""
    old_side = (
        lang.say("A separate message will tell you what happens to the old permission.")
        if in_slack
        else lang.say("A message in Slack will tell you what happens to the old permission.")
    )
    match ending:
        case OutcomeKind.RECONNECTED:
            return Explanation(
                lang.say("Reconnected ✓"),
                # Also of what never failed, whose permission was renewed.
                lang.say("{address} works: we just checked it.", address=address),
            )
        case OutcomeKind.RESTORED:
            return Explanation(
                lang.say("Connected ✓"),
                lang.say(
                    "{address} is connected again, with its former settings and history.", address=address
                ),
            )
        case OutcomeKind.SWITCHED:
            return Explanation(
                lang.say("Switched ✓"),
                lang.say(
                    "{address} now works through {provider}. We just checked it.",
                    address=address,
                    provider=provider_label,
                ),
                old_side,
            )
        case OutcomeKind.SWITCHED_STILL_DISABLED:
            return Explanation(
                lang.say("Switched ✓"),
                lang.say(
                    "{address} is signed in at {provider}. It stays disabled, as it was.",
                    address=address,
                    provider=provider_label,
                ),
                old_side,
            )
        case OutcomeKind.STILL_DISABLED:
            return Explanation(
                lang.say("Signed in ✓"),
                lang.say("{address} is signed in again. It stays disabled, as it was.", address=address),
                lang.say("Enable it when you need it.")
                if in_slack
                else lang.say("Enable it in Slack when you need it."),
            )
        case _:
            return Explanation(
                lang.say("Connected ✓"),
                lang.say("{address} is connected. We just checked it.", address=address),
            )


def wrong_mailbox(lang: Language, signed_in: str, address: str, account: str = "") -> Explanation:
    """``account`` is as whom to sign in, where that is not the address itself."""
    return Explanation(
        lang.say("That was another account"),
        lang.say(
            "You signed in as {signed_in}, but wanted to connect {address}. Nothing has changed.",
            signed_in=shown(signed_in),
            address=address,
        ),
        lang.say("Sign in with the account {address}.", address=shown(account) or address),
    )


def _only_claimed(lang: Language, signed_in: str, address: str, account: str) -> Explanation:
    """Nobody was asked: the user name alone says whose mailbox it is."""
    return Explanation(
        lang.say("That is a different mailbox"),
        lang.say(
            "The user name {signed_in} is the address of another mailbox; you wanted to connect "
            "{address}. The password was not tried, and nothing has changed.",
            signed_in=signed_in,
            address=address,
        ),
        lang.say("Enter the user name of {address}.", address=shown(account) or address),
    )


def _renamed(lang: Language, outcome: TicketOutcome, address: str) -> Explanation:
    """The same login at another mail host: only people know whether it is the same mailbox."""
    return Explanation(
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


def _wrong_mailbox(lang: Language, outcome: TicketOutcome, address: str, *, in_slack: bool) -> Explanation:
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
            "{signed_in} now belongs to a different account from the one {address} was connected "
            "with. Nothing has changed.",
            address=address,
            signed_in=signed_in,
        ),
        next_step=lang.say(
            "If this is the account to use from now on, remove the inbox and connect it again."
        )
        if in_slack
        else lang.say(
            "If this is the account to use from now on, remove the inbox in Slack and connect it again."
        ),
    )


def withheld(lang: Language, missing: frozenset[str], at: str) -> Explanation:
    """Names the boxes that were left unticked; only Google has boxes."""
    names = [lang.quoted(what) for what, _ in scope_lines(lang, missing)]
    if at != "Google":
        text = lang.say(
            "{company} did not grant every permission. Missing: {permissions}.",
            company=at,
            permissions=lang.listed(names) or "…",
        )
        next_step = lang.say(
            "Accept every permission on that page: without them the mailbox cannot be checked."
        )
        return Explanation(lang.say("A permission is missing"), text, next_step)
    text = lang.count(
        "At {company} this box was left unticked: {permissions}.",
        "At {company} these boxes were left unticked: {permissions}.",
        max(len(names), 1),
        company=at,
        permissions=lang.listed(names) or "…",
    )
    next_step = lang.count(
        "Sign in again and tick it; without that the mailbox cannot be checked.",
        "Sign in again and tick them; without that the mailbox cannot be checked.",
        max(len(names), 1),
    )
    return Explanation(lang.say("A permission is missing"), text, next_step)


def _stopped(lang: Language, ending: OutcomeKind, address: str, at: str, *, in_slack: bool) -> Explanation:
    match ending:
        case OutcomeKind.PROVIDER_AWAY:
            return Explanation(
                lang.say("{company} does not answer", company=at),
                lang.say(
                    "{company} could not be reached, so {address} could not be checked. Nothing has changed.",
                    company=at,
                    address=address,
                ),
                lang.say("Try again in a few minutes."),
            )
        case OutcomeKind.RIGHTS_UNREAD:
            return Explanation(
                lang.say("Cannot be checked right now"),
                lang.say(
                    "You signed in, but we could not check whether you are still allowed to do this, so "
                    "{address} was left as it was.",
                    address=address,
                ),
                lang.say("Try again in a few minutes: you sign in once more."),
            )
        case OutcomeKind.OURS_BROKEN:
            return Explanation(
                lang.say("{company} cannot be connected right now", company=at),
                lang.say(
                    "{company} does not accept Inboxkeeper's own registration. Nothing has changed.",
                    company=at,
                ),
                lang.say("Whoever runs Inboxkeeper has been told. Try again later."),
            )
        case _:
            return Explanation(
                lang.say("No longer possible"),
                lang.say(
                    "In the meantime {address} was removed or became a team address, or you are no "
                    "longer allowed to do this. Nothing has changed.",
                    address=address,
                ),
                _look(lang, in_slack=in_slack),
            )


def _consent_failed(lang: Language, outcome: TicketOutcome, at: str) -> Explanation:
    code = shown(outcome.code, 60)
    text = (
        lang.say("{company} ended the sign-in ({code}). Nothing has changed.", company=at, code=code)
        if code
        else lang.say("{company} ended the sign-in. Nothing has changed.", company=at)
    )
    return Explanation(
        lang.say("Sign-in did not finish"),
        text,
        lang.say("Try again. If it happens again, ask your organisation's {company} admin.", company=at),
    )
