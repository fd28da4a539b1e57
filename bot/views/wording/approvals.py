"""Requested changes, what an approval still waits for, and messages to forward to whoever can give it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.domain import errors as e
from bot.domain.access import Operation
from bot.domain.channel import Cause, Kind
from bot.domain.features import Feature
from bot.domain.request import Awaits, Request, RequestedChange, RequestState
from bot.domain.view_models import Registration
from bot.views.i18n import Language
from bot.views.text import Explanation, shown
from bot.views.wording.names import company, provider_of
from bot.views.wording.scopes import scope_lines

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def requested_change_words(lang: Language, requested_change: RequestedChange) -> str:
    """The requested change as a heading: ``Disable support@example.com``."""
    address = shown(requested_change.address)
    match requested_change.operation:
        case Operation.CONNECT if requested_change.kind is Kind.TEAM:
            return lang.say("Connect {address} as a team address", address=address)
        case Operation.CONNECT:
            return lang.say("Connect {address} as a personal inbox", address=address)
        case Operation.DISABLE:
            return lang.say("Disable {address}", address=address)
        case Operation.ENABLE:
            return lang.say("Enable {address}", address=address)
        case Operation.REMOVE:
            return lang.say("Remove {address}", address=address)
        case Operation.RECONNECT:
            return lang.say("Reconnect {address}", address=address)
        case Operation.SWITCH:
            new = shown(provider_of(requested_change.provider), 40)
            return lang.say("Switch {address} to {provider}", address=address, provider=new)
        case Operation.TAKE_OVER:
            return lang.say("Make {address} a team address", address=address)
        case Operation.EDIT:
            return lang.say("Edit {address}", address=address)
        case Operation.SEE:
            return lang.say("See {address}", address=address)


def consequence_words(lang: Language, requested_change: RequestedChange, provider_label: str) -> str:
    """What saying yes to it does."""
    match requested_change.operation:
        case Operation.CONNECT:
            return lang.together(
                _sign_in(lang, requested_change, provider_label),
                lang.say("Nothing is connected until they have."),
            )
        case Operation.SWITCH:
            return lang.say(
                "If you approve, they can sign in at the new provider. Nothing changes until they have."
            )
        case Operation.REMOVE:
            return lang.say("If you approve, it is removed right away, for everybody who uses it.")
        case Operation.DISABLE:
            return lang.say("If you approve, it is disabled right away, for everybody who uses it.")
        case Operation.ENABLE:
            return lang.say("If you approve, it is enabled and checked right away.")
        case _:
            return lang.say("If you approve, it happens right away.")


def _sign_in(lang: Language, requested_change: RequestedChange, provider_label: str) -> str:
    """An approval is for the mailbox, wherever it turns out to be (``RequestedChange.is_covered_by``): where
    the
    sign-in leads is named, and that it may lead elsewhere is not kept from whoever approves."""
    at = shown(company(provider_label), 40)
    if requested_change.is_shared:
        return lang.say(
            "If you approve, they can open that shared mailbox with their own account at "
            "{company}, or sign in elsewhere if it is not there.",
            company=at,
        )
    if requested_change.provider == "imap":
        return lang.say(
            "If you approve, they can sign in to that mailbox at a mail server that they name, "
            "or elsewhere if it is not there."
        )
    if requested_change.provider:
        return lang.say(
            "If you approve, they can sign in to that mailbox at {company}, or elsewhere if it is not there.",
            company=at,
        )
    return lang.say(
        "If you approve, they can sign in to that mailbox, at the provider or mail server that they choose."
    )


def approval_message(
    lang: Language,
    at: str,
    address: str,
    app: Registration,
    *,
    scopes: Iterable[str] = (),
    features: Sequence[Feature] = (),
) -> tuple[str, ...]:
    """Asks for the approval of our app, for itself and for those ``features``: lines of plain text, the link
    on a line of its own."""
    lines = [
        lang.say(
            "We use Inboxkeeper in Slack to notice at once when the mailbox {address} stops "
            "working. {company} "
            "wants an admin of our organisation to approve it first.",
            address=shown(address),
            company=at,
        ),
        *_asked(lang, scopes, features),
        lang.say("Please sign in here as an admin and accept:"),
        app.approval_url,
    ]
    return tuple(line for line in lines if line)


def _asked(lang: Language, scopes: Iterable[str], features: Sequence[Feature]) -> list[str]:
    """What is asked for; of what we don't ask for ourselves also why."""
    asked = scope_lines(lang, scopes, features)
    if not asked:
        return []
    named = lang.listed(what for what, _ in asked)
    if not features:
        return [lang.say("It asks for: {permissions}. It never reads mail.", permissions=named)]
    theirs = scope_lines(lang, (it for it in scopes if any(one.needs(it) for one in features)), features)
    return [
        lang.say("It asks for: {permissions}.", permissions=named),
        *(f"• {what} – {why}" for what, why in theirs),
    ]


def policy_message(lang: Language, at: str, address: str, app: Registration, code: str) -> tuple[str, ...]:
    """Asks to let our app through a policy."""
    lines = [
        lang.say(
            "We use Inboxkeeper in Slack to notice at once when the mailbox {address} stops working. A "
            "policy of our organisation at {company} no longer lets it in.",
            address=shown(address),
            company=at,
        ),
        _where(lang, at),
        lang.say("The app's client ID: {app}", app=app.app_id) if app.app_id else "",
        lang.say("What {company} said: {code}", company=at, code=shown(code, 60)) if code else "",
    ]
    return tuple(line for line in lines if line)


def tenant_message(lang: Language, at: str, tenant: str, since: str, app: Registration) -> tuple[str, ...]:
    """Asks about a refusal that meets all of an organisation's mailboxes."""
    lines = [
        lang.say(
            "Since {when} {company} refuses Inboxkeeper, which watches over our mailboxes in Slack, for the "
            "inboxes of {tenant}.",
            when=since,
            company=at,
            tenant=shown(tenant),
        ),
        _where(lang, at),
        lang.say("The app's client ID: {app}", app=app.app_id) if app.app_id else "",
    ]
    return tuple(line for line in lines if line)


def _where(lang: Language, at: str) -> str:
    """Where such a policy is set, as far as that is known."""
    if at == "Google":
        return lang.say(
            "Please check in the admin console, under Security › API controls › App access control, that the "
            "app is trusted."
        )
    if at == "Microsoft":
        return lang.say(
            "Please check in the Entra admin center, under Enterprise applications and Conditional Access, "
            "that the app is allowed for this account."
        )
    return lang.say("Please check whether the account may still be used by other programs.")


def admin_message(
    lang: Language, cause: Cause, at: str, *, address: str, app: Registration, code: str
) -> tuple[str, ...]:
    """The message that fits why the organisation's admin must act."""
    if cause is Cause.ADMIN_CONSENT and app.approval_url:
        return approval_message(lang, at, address, app)
    return policy_message(lang, at, address, app, code)


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def approval_words(lang: Language, refusal: e.InboxkeeperError) -> Explanation | None:
    """``None`` for a refusal about something else."""
    match refusal:
        case e.NeedsApproval(requested_change, own, who_can):
            return _needs_approval(lang, requested_change, own, who_can)
        case e.TooManyRequests(waiting):
            return _too_many(lang, waiting)
        case e.NobodyCanApprove():
            return Explanation(
                lang.say("Nobody to ask"),
                lang.say("An admin must approve this, but there is no active admin to ask."),
                lang.say("Ask an owner of this Slack workspace."),
            )
        case e.RequestClosed(request):
            return _request_closed(lang, request)
        case e.RolesChanged() | e.UndoOver():
            return _roles_changed(lang, refusal)
        case e.LastSuperAdmin():
            return Explanation(
                lang.say("The last super admin"),
                lang.say("There must always be a super admin."),
                lang.say("Add another super admin first."),
            )
    return None


def _roles_changed(lang: Language, refusal: e.RolesChanged | e.UndoOver) -> Explanation:
    if isinstance(refusal, e.RolesChanged):
        return Explanation(
            lang.say("That has changed"),
            lang.say("Somebody else has just changed the admins, so nothing was done."),
            lang.say("Look at the list as it is now, and choose again."),
        )
    otherwise = lang.say("Change the list of admins instead.")
    if refusal.undone_by:
        by = (refusal.undone_by,)
        said = lang.say("Somebody has undone this already.")
        return Explanation(
            lang.say("Already undone"), said, lang.say("This person was first:"), by, otherwise
        )
    return Explanation(
        lang.say("Too late to undo"),
        lang.say("It is more than a day old, or something else was changed since."),
        otherwise,
    )


def _too_many(lang: Language, waiting: tuple[Request, ...]) -> Explanation:
    """What is open already, and how to take one back."""
    if not waiting:
        return Explanation(
            lang.say("Limit reached"),
            lang.say("You have reached the number of requests for one day."),
            lang.say("Talk to one of them, or ask again tomorrow."),
        )
    return Explanation(
        lang.say("Limit reached"),
        lang.count(
            "{n} request of yours is waiting for an admin: {wishes}.",
            "{n} requests of yours are waiting for an admin: {wishes}.",
            len(waiting),
            wishes=lang.listed(requested_change_words(lang, one.requested_change) for one in waiting),
        ),
        lang.say(
            "Wait for an answer, or cancel one: with the button in its message, in your conversation with "
            "the bot."
        ),
    )


def _needs_approval(
    lang: Language, requested_change: RequestedChange, own: str | None, who_can: tuple[str, ...]
) -> Explanation:
    address = shown(requested_change.address)
    if requested_change.operation is not Operation.CONNECT:
        text = lang.say("Other people use {address} too, so an admin must approve first.", address=address)
    elif requested_change.kind is Kind.TEAM:
        text = lang.say("{address} would become a team address, so an admin must approve.", address=address)
    elif own:
        text = lang.say(
            "You can connect your own address, {own}, at once. {address} is another one.",
            own=shown(own),
            address=address,
        )
    else:
        text = lang.say(
            "You can connect your own address at once. {address} is not yours as far as Slack knows.",
            address=address,
        )
    otherwise = lang.say("Ask a super admin.")
    next_step = lang.say("These people can approve:") if who_can else otherwise
    return Explanation(lang.say("An admin must approve"), text, next_step, who_can, otherwise)


def _request_closed(lang: Language, request: Request) -> Explanation:
    match request.state:
        case RequestState.APPROVED | RequestState.DONE:
            said = lang.say("Somebody has approved this already.")
            return _answered(lang, request, lang.say("Already approved"), said)
        case RequestState.DECLINED:
            said = lang.say("Somebody has declined this already.")
            return _answered(lang, request, lang.say("Already declined"), said)
        case RequestState.EXPIRED:
            said = lang.say("This request has expired.")
            return Explanation(lang.say("Too late"), said, lang.say("It has to be requested again."))
        case RequestState.CANCELLED:
            said = lang.say("This request was withdrawn, or is no longer possible.")
            return _answered(lang, request, lang.say("Withdrawn"), said)
        case RequestState.REPLACED:
            said = lang.say("This was requested again, with different details.")
            return Explanation(lang.say("Asked again"), said, lang.say("Continue from the newer message."))
        case RequestState.WAITING:
            said = lang.say("No admin has answered this request yet.")
            next_step = lang.say("You get a message as soon as somebody does.")
            return Explanation(lang.say("Still waiting"), said, next_step)


def _answered(lang: Language, request: Request, title: str, said: str) -> Explanation:
    """Names who was faster."""
    otherwise = (
        lang.say("Talk to an admin if you still need it.")
        if request.state is RequestState.DECLINED
        else lang.say("There is nothing left to do.")
    )
    if request.answered_by and request.state is not RequestState.CANCELLED:
        by = (request.answered_by,)
        return Explanation(title, said, lang.say("This person was first:"), by, otherwise)
    return Explanation(title, said, otherwise)


def wished_words(lang: Language, request: Request) -> Explanation:
    """No such inbox yet: it was asked for."""
    if request.state is RequestState.APPROVED:
        waits = lang.say("It is approved and waits for you to sign in.")
    elif request.awaits is Awaits.TENANT:
        at = company(provider_of(request.requested_change.provider))
        waits = lang.say("Waiting for your organisation's {company} admin.", company=at)
    else:
        waits = lang.say("Waiting for an admin.")
    return Explanation(
        lang.say("Not connected yet"),
        lang.together(
            lang.say(
                "You asked for this: {requested_change}.",
                requested_change=requested_change_words(lang, request.requested_change),
            ),
            waits,
        ),
        lang.say("The message about it, in your conversation with the bot, has the buttons."),
        until=request.expires_at,
    )


def waiting_words(lang: Language, request: Request) -> Explanation:
    """No such inbox yet: somebody else asked for it, and this person can answer."""
    asked_for = requested_change_words(lang, request.requested_change)
    reason = (
        lang.say("Reason: {reason}.", reason=lang.quoted(shown(request.reason, 150)))
        if request.reason
        else ""
    )
    return Explanation(
        lang.say("Waits for an admin"),
        lang.together(lang.say("{requested_change}.", requested_change=asked_for), reason),
        lang.say("The first answer counts. Asked by:"),
        (request.requester,),
        until=request.expires_at,
    )


def until_words(lang: Language, when: str) -> str:
    """How long a request is valid."""
    return lang.say("It is valid until {when}.", when=when)


def spelled_out(lang: Language, words: Explanation) -> Explanation:
    """As plain text that stands alone: nobody can be named there, and instants are in UTC."""
    if words.until is None:
        return words.nameless
    valid = until_words(lang, lang.day_time(words.until))
    return replace(words.nameless, text=lang.together(words.text, valid), until=None)
