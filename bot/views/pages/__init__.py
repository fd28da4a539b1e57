"""The few web pages people meet between Slack and their provider: plain HTML, one stylesheet, no script.

The one rule: templates lay out, this module words. Everything is escaped by the template engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bot.domain.address import same_address
from bot.domain.errors import (
    ConsentDeclined,
    InboxkeeperError,
    LinkClosed,
    ProviderMisconfigured,
    RequestClosed,
    SignInClosed,
)
from bot.domain.features import Feature
from bot.domain.request import RequestState
from bot.domain.ticket import OutcomeKind, Purpose, TicketOutcome
from bot.views.i18n import Language
from bot.views.pages.template import render as _page
from bot.views.text import shown
from bot.views.wording import (
    Explanation,
    approval_hint,
    company,
    ending_words,
    refusal_words,
    scope_lines,
    spelled_out,
)

_HERE: Final = Path(__file__).resolve().parent
STYLESHEET: Final = _HERE / "page.css"
STYLESHEET_PATH: Final = "/static/page.css"
"""Where it is served, and where every page says that it is."""

MARK: Final = "mark"
"""The landing form's hidden field."""

_NO_FAILURE: Final = (ConsentDeclined, LinkClosed)
"""What people wished for, or what has solved itself."""
_CALM_ENDINGS: Final = frozenset({OutcomeKind.PENDING, OutcomeKind.DECLINED, OutcomeKind.OURS_BROKEN})
"""It is not over, it was their own wish, or it is no fault of theirs."""
_CALM_REQUESTS: Final = frozenset(RequestState) - {RequestState.DECLINED, RequestState.EXPIRED}

_LOOKS_AGAIN: Final = 2
"""Seconds after which a page that waits for a result asks for it again."""


def landing_page(
    lang: Language,
    *,
    address: str,
    requester_name: str,
    workspace_name: str,
    purpose: Purpose,
    provider_label: str,
    action_url: str,
    mark: str = "",
    takes_password: bool = False,
    is_shared: bool = False,
    account: str = "",
    scopes: Iterable[str] = (),
    features: Sequence[Feature] = (),
) -> str:
    """Who asked for what, for which workspace, and what the provider will ask. Opening it spends nothing; its
    one button does.

    ``mark`` comes back with the form; ``account`` is as whom to sign in, where the address is not its own.
    """
    named = {"address": shown(address), "who": shown(requester_name), "workspace": shown(workspace_name)}
    at, signer = company(provider_label), shown(account or address)
    title, asked = _wished(lang, purpose, named, provider_label)
    return _page(
        lang,
        "landing.html",
        title,
        asked=asked,
        next_step=lang.say(
            "Next come the mail server, the user name and the password of {address}.", address=signer
        )
        if takes_password
        else lang.together(
            _why_another(lang, named["address"], account),
            _sign_in(lang, named["address"] if is_shared else signer, at, is_shared=is_shared),
        ),
        intro=lang.say("{company} will ask for this:", company=at),
        asks=scope_lines(lang, scopes, features),
        warning=lang.say("If you don't know this request, close this page: nothing happens."),
        action_url=action_url,
        mark_name=MARK,
        mark=mark,
        go=lang.say("Continue") if takes_password else lang.say("Continue to {company}", company=at),
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


def _sign_in(lang: Language, address: str, at: str, *, is_shared: bool) -> str:
    if is_shared:
        return lang.say(
            "{address} is a shared mailbox. At {company}, sign in as yourself, with an account that may open "
            "it.",
            company=at,
            address=address,
        )
    if at == "Google":
        return lang.say("At {company}, sign in as {address} and tick all boxes.", company=at, address=address)
    return lang.say("At {company}, sign in as {address} and accept.", company=at, address=address)


def export_page(
    lang: Language,
    *,
    requester_name: str,
    workspace_name: str,
    lines: int,
    action_url: str,
    mark: str = "",
) -> str:
    """Before the download: whose history it is. Opening it spends nothing; its one button does."""
    named = {"who": shown(requester_name), "workspace": shown(workspace_name)}
    return _page(
        lang,
        "landing.html",
        lang.say("Download the history"),
        asked=lang.say(
            "{who} asked for the history of the inboxes of the Slack workspace {workspace}.", **named
        ),
        next_step=lang.say(
            "A CSV file with up to {lines} lines of the last 400 days, the latest first. It opens in any "
            "spreadsheet.",
            lines=f"{lines:,}",
        ),
        asks=(),
        warning=lang.say("If you don't know this request, close this page: nothing happens."),
        hint="",
        action_url=action_url,
        mark_name=MARK,
        mark=mark,
        go=lang.say("Download"),
    )


def onward_page(lang: Language, *, url: str, provider_label: str) -> str:
    """A page instead of a redirect: browsers apply ``form-action`` to redirects of a form."""
    at = company(provider_label)
    return _page(
        lang,
        "onward.html",
        lang.say("On to {company}…", company=at),
        url=url,
        text=lang.say("If nothing happens, use this link:"),
        go=lang.say("Continue to {company}", company=at),
    )


def outcome_page(
    lang: Language,
    outcome: TicketOutcome,
    *,
    provider_label: str,
    workspace_name: str,
    again_url: str | None,
    team_url: str,
    ask_url: str = "",
    confirm_url: str = "",
    lacking: Sequence[Feature] = (),
) -> str:
    """What came of the sign-in, and the way on: back to Slack, once more, by way of the organisation's admin
    (``ask_url``), or by a super admin's word (``confirm_url``). ``lacking`` are features whose box was left
    unticked."""
    words = ending_words(lang, outcome, provider_label, lacking)
    is_good, is_pending = outcome.ending.is_good, outcome.ending is OutcomeKind.PENDING
    is_calm = outcome.ending in _CALM_ENDINGS
    again = again_url if again_url and outcome.ending.may_try_again else ""
    return _page(
        lang,
        "answer.html",
        words.title,
        tone="good" if is_good else "calm" if is_calm else "bad",
        reload_after=_LOOKS_AGAIN if is_pending else 0,
        text=words.text,
        next_step=words.next_step,
        again_url=again,
        again=_again(lang, outcome.ending),
        ask_url=ask_url,
        ask_hint=approval_hint(lang, company(provider_label)) if ask_url else "",
        ask=lang.say("Get a message for that admin"),
        confirm_url=confirm_url,
        confirm_hint=_confirm_hint(lang, outcome) if confirm_url else "",
        confirm=lang.say("Yes, it is the same mailbox")
        if outcome.is_renamed
        else lang.say("Yes, it receives that mail"),
        close=lang.say("You can close this page and go back to Slack.") if is_good else "",
        team_url=team_url,
        team=_team(lang, workspace_name),
        reference="",
    )


def _confirm_hint(lang: Language, outcome: TicketOutcome) -> str:
    if outcome.is_renamed:
        return lang.say(
            "Was the mail host renamed, and is this the mailbox that was connected before? Then confirm it, "
            "and enter the password once more."
        )
    return lang.say(
        "You are a super admin. Does {account} receive the mail of {address}? Then confirm it, and sign in "
        "to it once more.",
        account=shown(outcome.signed_in),
        address=shown(outcome.ticket.address),
    )


def _team(lang: Language, workspace_name: str) -> str:
    named = shown(workspace_name, 60)
    return lang.say("Open Slack ({workspace})", workspace=named) if named else lang.say("Open Slack")


def _again(lang: Language, ending: OutcomeKind) -> str:
    match ending:
        case OutcomeKind.WRONG_MAILBOX:
            return lang.say("Sign in with another account")
        case OutcomeKind.PERMISSION_WITHHELD:
            return lang.say("Allow and continue")
        case _:
            return lang.say("Try again")


def refusal_page(lang: Language, refusal: InboxkeeperError) -> str:
    words = spelled_out(lang, refusal_words(lang, refusal))
    return _answer(lang, words, tone="calm" if _is_calm(refusal) else "bad")


def _is_calm(refusal: InboxkeeperError) -> bool:
    match refusal:
        case RequestClosed(request):
            return request.state in _CALM_REQUESTS
        case SignInClosed(_, error):
            return isinstance(error, ProviderMisconfigured)
        case _:
            return isinstance(refusal, _NO_FAILURE)


def problem_page(lang: Language, reference: str) -> str:
    """A bug: what to do, and the reference that leads to the log."""
    words = Explanation(
        lang.say("Something broke on our side"),
        lang.say("It has been logged. Nothing you did is lost."),
        lang.say(
            "Go back to Slack and try again. If it happens again, give whoever runs Inboxkeeper this "
            "reference:"
        ),
    )
    return _answer(lang, words, reference=reference)


def not_found_page(lang: Language) -> str:
    words = Explanation(
        lang.say("No such page"),
        lang.say("There is nothing at this address."),
        lang.say("Go back to Slack and open the link from there."),
    )
    return _answer(lang, words)


def busy_page(lang: Language) -> str:
    words = Explanation(
        lang.say("One moment…"),
        lang.say(
            "Inboxkeeper cannot reach its database at the moment. Nothing was changed and nothing is lost."
        ),
        lang.say("Please try again in a minute."),
    )
    return _answer(lang, words, tone="calm")


def too_large_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Too much"),
        lang.say("The request was too large."),
        lang.say("Go back to Slack and start again."),
    )
    return _answer(lang, words)


def too_slow_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Too slow"),
        lang.say("What your browser sent did not arrive in time."),
        lang.say("Go back to Slack and start again."),
    )
    return _answer(lang, words)


def unreadable_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Not readable"),
        lang.say("What your browser sent could not be read."),
        lang.say("Go back to Slack and start again."),
    )
    return _answer(lang, words)


def wrong_method_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Not this way"),
        lang.say("This page cannot be opened like that."),
        lang.say("Go back to Slack and open the link from there."),
    )
    return _answer(lang, words)


def welcome_page(lang: Language) -> str:
    """What stands at ``/``."""
    words = Explanation(
        "Inboxkeeper",
        lang.say("Inboxkeeper keeps mailboxes connected and tells you when one is not."),
        lang.say("It lives in Slack: open it there."),
    )
    return _answer(lang, words, tone="calm")


def asked_page(lang: Language, *, provider_label: str, team_url: str, workspace_name: str) -> str:
    """The message for the organisation's admin is in Slack."""
    words = Explanation(
        lang.say("Look into Slack"),
        lang.say(
            "You got a message there that you can send to your {company} admin.",
            company=company(provider_label),
        ),
        lang.say("Once they have approved, go on from that message."),
    )
    return _answer(lang, words, tone="calm", team_url=team_url, team=_team(lang, workspace_name))


def approved_page(lang: Language, *, address: str, provider_label: str, is_over: bool = False) -> str:
    """To an organisation's admin, who most likely has never heard of us. ``address`` is empty where what
    waited for them goes on by itself; ``is_over``: nobody waits for this any more."""
    text = _approved(lang, address, company(provider_label), is_over=is_over)
    words = Explanation(lang.say("Thank you"), text, lang.say("You can close this page."))
    return _answer(lang, words, tone="good")


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
            "{company} reports that Inboxkeeper is approved. What waited for it goes on by itself.",
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
    return _answer(lang, words, tone="calm")


def _answer(
    lang: Language, words: Explanation, *, tone: str = "bad", reference: str = "", **more: str
) -> str:
    given = {"again_url": "", "again": "", "ask_url": "", "ask_hint": "", "ask": "", "close": ""}
    given |= {"confirm_url": "", "confirm_hint": "", "confirm": ""}
    return _page(
        lang,
        "answer.html",
        words.title,
        tone=tone,
        text=words.text,
        next_step=words.next_step,
        reference=reference,
        reload_after=0,
        **{**given, "team_url": "", "team": "", **more},
    )
