"""The pages between Slack and the provider: who asks for what, on to the provider, and what came of it.

Also what whoever asks for an organisation's approval reads, and what that organisation's admin reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.domain.address import same_address
from bot.domain.ticket import OutcomeKind, Purpose, TicketOutcome
from bot.domain.view_models import Completion, Landing
from bot.views.i18n import Language
from bot.views.pages.template import MARK, SOME_TEAM, Team, answer, render
from bot.views.text import shown
from bot.views.wording import Explanation, approval_hint, company, ending_words, scope_lines

_CALM_ENDINGS: Final = frozenset({OutcomeKind.PENDING, OutcomeKind.DECLINED, OutcomeKind.OURS_BROKEN})
"""It is not over, it was their own wish, or it is no fault of theirs."""
_LOOKS_AGAIN: Final = 2
"""Seconds after which a page that waits for a result asks for it again."""


def welcome_page(lang: Language) -> str:
    """What stands at ``/``."""
    words = Explanation(
        "Inboxkeeper",
        lang.say("Inboxkeeper keeps mailboxes connected and tells you when one stops working."),
        lang.say("Inboxkeeper lives in Slack: open it there."),
    )
    return answer(lang, words, tone="calm", team=SOME_TEAM)


def landing_page(lang: Language, landing: Landing, *, action_url: str, mark: str = "") -> str:
    """Who asked for what, for which workspace, and what the provider will ask. Opening it spends nothing; its
    one button does. ``mark`` comes back with the form.
    """
    named = {
        "address": shown(landing.address),
        "who": shown(landing.requester_name),
        "workspace": shown(landing.workspace_name),
    }
    at = company(landing.provider_label)
    title, asked = _wished(lang, landing.purpose, named, landing.provider_label)
    return render(
        lang,
        "landing.html",
        title,
        asked=asked,
        next_step=_next_step(lang, landing),
        intro=lang.say("{company} will ask for this:", company=at),
        asks=scope_lines(lang, landing.scopes | landing.sign_in_scopes, landing.features),
        warning=lang.say("If you don't know this request, close this page: nothing happens."),
        action_url=action_url,
        mark_name=MARK,
        mark=mark,
        go=lang.say("Continue") if landing.takes_password else lang.say("Continue to {company}", company=at),
    )


def _next_step(lang: Language, landing: Landing) -> str:
    """What comes behind the button: our own form, or the provider's page and as whom to sign in there."""
    address, signer = shown(landing.address), shown(landing.account or landing.address)
    if landing.takes_password:
        return lang.say("Next, enter the user name and password of {address}.", address=signer)
    return lang.together(
        _why_another(lang, address, landing.account),
        _sign_in(lang, landing, address if landing.is_shared else signer),
    )


def _wished(lang: Language, purpose: Purpose, named: dict[str, str], provider_label: str) -> tuple[str, str]:
    """What the trip is for: in the title, and with who asked for it."""
    address = named["address"]
    match purpose:
        case Purpose.RECONNECT:
            return (
                lang.say("Reconnect {address}", address=address),
                lang.say("{who} asked to reconnect this inbox to the Slack workspace {workspace}.", **named),
            )
        case Purpose.SWITCH:
            asked = lang.say(
                "{who} is about to switch this inbox to {provider}, for the Slack workspace {workspace}. "
                "Nothing changes until you have signed in.",
                provider=provider_label,
                **named,
            )
            return lang.say("Switch {address} to {provider}", address=address, provider=provider_label), asked
        case _:
            return (
                lang.say("Connect {address}", address=address),
                lang.say("{who} asked to connect this inbox to the Slack workspace {workspace}.", **named),
            )


def _why_another(lang: Language, address: str, account: str) -> str:
    """Why to sign in as ``account``, where that is not the address itself."""
    if not account or same_address(account, address):
        return ""
    return lang.say(
        "{address} is opened via {account}, which receives its mail.", address=address, account=shown(account)
    )


def _sign_in(lang: Language, landing: Landing, address: str) -> str:
    at = company(landing.provider_label)
    if landing.is_shared:
        return lang.say(
            "{address} is a shared mailbox. At {company}, sign in as yourself, with an account that may open "
            "it.",
            company=at,
            address=address,
        )
    if at == "Google":
        return lang.count(
            "At {company}, sign in as {address} and tick the box.",
            "At {company}, sign in as {address} and tick all boxes.",
            len(landing.scopes),
            company=at,
            address=address,
        )
    return lang.say("At {company}, sign in as {address} and accept.", company=at, address=address)


def onward_page(lang: Language, *, url: str, provider_label: str) -> str:
    """A page instead of a redirect: browsers apply ``form-action`` to redirects of a form."""
    at = company(provider_label)
    return render(
        lang,
        "onward.html",
        lang.say("On to {company}…", company=at),
        url=url,
        text=lang.say("If nothing happens, use this link:"),
        go=lang.say("Continue to {company}", company=at),
    )


@dataclass(frozen=True, slots=True)
class OutcomeLinks:
    """Where the buttons of an outcome's page lead; each is shown where it can help."""

    again: str = ""
    ask: str = ""
    """To a message for the organisation's admin."""
    confirm: str = ""
    """To a super admin's word that the account receives the address."""


def outcome_page(lang: Language, done: Completion, *, links: OutcomeLinks, team: Team) -> str:
    """What came of the sign-in, and the way on: back to Slack, once more, by way of the organisation's admin,
    or by a super admin's word."""
    outcome = done.outcome
    words = ending_words(lang, outcome, done.provider_label, done.lacking)
    is_good, is_pending = outcome.ending.is_good, outcome.ending is OutcomeKind.PENDING
    is_calm = outcome.ending in _CALM_ENDINGS
    return answer(
        lang,
        words,
        tone="good" if is_good else "calm" if is_calm else "bad",
        team=team,
        reload_after=_LOOKS_AGAIN if is_pending else 0,
        again_url=links.again if outcome.ending.may_try_again else "",
        again=_again(lang, outcome.ending),
        ask_url=links.ask if done.may_ask_admin else "",
        ask_hint=approval_hint(lang, company(done.provider_label)),
        ask=lang.say("Get a message for that admin"),
        confirm_url=links.confirm if done.may_confirm else "",
        confirm_hint=_confirm_hint(lang, outcome),
        confirm=lang.say("Yes, it is the same mailbox")
        if outcome.is_renamed
        else lang.say("Yes, it receives that mail"),
        close=lang.say("You can close this page and go back to Slack.") if is_good else "",
    )


def _confirm_hint(lang: Language, outcome: TicketOutcome) -> str:
    if outcome.is_renamed:
        return lang.say(
            "Was the mail host renamed, and is this the same mailbox as before? Then confirm it "
            "and enter the password once more."
        )
    return lang.say(
        "You are a super admin. Does {account} receive the mail of {address}? Then confirm it, and sign in "
        "to it once more.",
        account=shown(outcome.signed_in),
        address=shown(outcome.ticket.address),
    )


def _again(lang: Language, ending: OutcomeKind) -> str:
    match ending:
        case OutcomeKind.WRONG_MAILBOX:
            return lang.say("Sign in with another account")
        case OutcomeKind.PERMISSION_WITHHELD:
            return lang.say("Allow and continue")
        case _:
            return lang.say("Try again")


def asked_page(lang: Language, *, provider_label: str, team: Team) -> str:
    """The message for the organisation's admin is in Slack."""
    words = Explanation(
        lang.say("Check Slack"),
        lang.say(
            "You got a message there that you can send to your {company} admin.",
            company=company(provider_label),
        ),
        lang.say("Once they have approved, continue from that message."),
    )
    return answer(lang, words, tone="calm", team=team)


def approved_page(lang: Language, *, address: str, provider_label: str, is_over: bool = False) -> str:
    """To an organisation's admin, who most likely has never heard of us. ``address`` is empty where what
    waited for them goes on by itself; ``is_over``: nobody waits for this any more."""
    text = _approved(lang, address, company(provider_label), is_over=is_over)
    words = Explanation(lang.say("Thank you"), text, lang.say("You can close this page."))
    return answer(lang, words, tone="good")


def _approved(lang: Language, address: str, at: str, *, is_over: bool) -> str:
    if is_over:
        return lang.say(
            "{company} reports that Inboxkeeper is approved. What this link was sent for is over; "
            "if you got a "
            "newer link, please open that one, too.",
            company=at,
        )
    if not address:
        return lang.say(
            "{company} reports that Inboxkeeper is approved. Whatever was waiting for it "
            "continues on its own.",
            company=at,
        )
    return lang.say(
        "{company} reports that Inboxkeeper is approved. Whoever asked for {address} has been told in "
        "Slack and can go on.",
        company=at,
        address=shown(address),
    )


def not_approved_page(lang: Language, *, provider_label: str) -> str:
    """The same admin has not approved."""
    words = Explanation(
        lang.say("Not approved"),
        lang.say(
            "Inboxkeeper was not approved at {company}. Nothing has changed.", company=company(provider_label)
        ),
        lang.say("The link that you were sent works again whenever you like."),
    )
    return answer(lang, words, tone="calm")
