"""What people read when something needs an admin's approval, cannot get one, or has its answer already."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from dataclasses import replace

from bot.domain import errors as e
from bot.domain.access import Deed
from bot.domain.channel import Kind
from bot.domain.request import Awaits, Request, RequestState, Wish
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.names import house, provider_of
from bot.views.words.said import Words
from bot.views.words.wishes import wish_words


def approval_words(lang: Language, refusal: e.InboxkeeperError) -> Words | None:
    """``None`` for a refusal about something else."""
    match refusal:
        case e.NeedsApproval(wish, own, who_can):
            return _needs_approval(lang, wish, own, who_can)
        case e.TooManyRequests(waiting):
            return _too_many(lang, waiting)
        case e.NobodyCanApprove():
            return Words(
                lang.say("Nobody to ask"),
                lang.say("An admin must agree to this, but there is no active admin whom we could ask."),
                lang.say("Ask an owner of this Slack workspace."),
            )
        case e.RequestClosed(request):
            return _request_closed(lang, request)
        case e.RolesChanged() | e.UndoOver():
            return _roles_changed(lang, refusal)
        case e.LastSuperAdmin():
            return Words(
                lang.say("The last super admin"),
                lang.say("Somebody has to remain super admin."),
                lang.say("Add another super admin first."),
            )
    return None


def _roles_changed(lang: Language, refusal: e.RolesChanged | e.UndoOver) -> Words:
    if isinstance(refusal, e.RolesChanged):
        return Words(
            lang.say("That has changed"),
            lang.say("Somebody changed the admins meanwhile, so nothing was done."),
            lang.say("Look at the list as it is now, and choose again."),
        )
    otherwise = lang.say("Change the list of admins instead.")
    if refusal.undone_by:
        by = (refusal.undone_by,)
        said = lang.say("Somebody has undone this already.")
        return Words(lang.say("Already undone"), said, lang.say("This person was first:"), by, otherwise)
    return Words(
        lang.say("Too late to undo"),
        lang.say("It is more than a day old, or something else was changed since."),
        otherwise,
    )


def _too_many(lang: Language, waiting: tuple[Request, ...]) -> Words:
    """What is open already, and how to take one back."""
    if not waiting:
        return Words(
            lang.say("Enough for now"),
            lang.say("You have asked the admins for a lot within a day."),
            lang.say("Talk to one of them, or ask again tomorrow."),
        )
    return Words(
        lang.say("Enough for now"),
        lang.count(
            "{n} request of yours waits for an admin: {wishes}.",
            "{n} requests of yours wait for an admin: {wishes}.",
            len(waiting),
            wishes=lang.listed(wish_words(lang, one.wish) for one in waiting),
        ),
        lang.say(
            "Wait for an answer, or cancel one: with the button in its message, in your conversation with "
            "the bot."
        ),
    )


def _needs_approval(lang: Language, wish: Wish, own: str | None, who_can: tuple[str, ...]) -> Words:
    address = shown(wish.address)
    if wish.deed is not Deed.CONNECT:
        text = lang.say("Other people use {address} too, so an admin must agree first.", address=address)
    elif wish.kind is Kind.TEAM:
        text = lang.say("{address} would become a team address, so an admin must agree.", address=address)
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
    next_step = lang.say("These people can agree:") if who_can else otherwise
    return Words(lang.say("An admin must agree"), text, next_step, who_can, otherwise)


def _request_closed(lang: Language, request: Request) -> Words:
    match request.state:
        case RequestState.APPROVED | RequestState.DONE:
            said = lang.say("Somebody has approved this already.")
            return _answered(lang, request, lang.say("Already approved"), said)
        case RequestState.DECLINED:
            said = lang.say("Somebody has declined this already.")
            return _answered(lang, request, lang.say("Already declined"), said)
        case RequestState.EXPIRED:
            said = lang.say("This request has expired.")
            return Words(lang.say("Too late"), said, lang.say("It has to be made again."))
        case RequestState.CANCELLED:
            said = lang.say("This request was taken back, or is no longer possible.")
            return _answered(lang, request, lang.say("Taken back"), said)
        case RequestState.REPLACED:
            said = lang.say("This was asked for once more, a little differently.")
            return Words(lang.say("Asked for anew"), said, lang.say("Go on from the newer message."))
        case RequestState.WAITING:
            said = lang.say("No admin has answered this request yet.")
            next_step = lang.say("You get a message as soon as somebody does.")
            return Words(lang.say("Still waiting"), said, next_step)


def _answered(lang: Language, request: Request, title: str, said: str) -> Words:
    """Names who was faster."""
    otherwise = (
        lang.say("Talk to an admin if it is needed after all.")
        if request.state is RequestState.DECLINED
        else lang.say("There is nothing to do any more.")
    )
    if request.answered_by and request.state is not RequestState.CANCELLED:
        by = (request.answered_by,)
        return Words(title, said, lang.say("This person was first:"), by, otherwise)
    return Words(title, said, otherwise)


def wished_words(lang: Language, request: Request) -> Words:
    """No such inbox yet: it was asked for."""
    if request.state is RequestState.APPROVED:
        waits = lang.say("It is approved and waits for you to sign in.")
    elif request.awaits is Awaits.TENANT:
        at = house(provider_of(request.wish.provider))
        waits = lang.say("It waits for your organisation's {house} admin.", house=at)
    else:
        waits = lang.say("It waits for an admin.")
    return Words(
        lang.say("Not connected yet"),
        lang.together(lang.say("You asked for this: {wish}.", wish=wish_words(lang, request.wish)), waits),
        lang.say("The message about it, in your conversation with the bot, has the buttons."),
        until=request.expires_at,
    )


def until_words(lang: Language, when: str) -> str:
    """How long a request is valid."""
    return lang.say("It is valid until {when}.", when=when)


def spelled_out(lang: Language, words: Words) -> Words:
    """As plain text that stands alone: nobody can be named there, and instants are in UTC."""
    if words.until is None:
        return words.nameless
    valid = until_words(lang, lang.day_time(words.until))
    return replace(words.nameless, text=lang.together(words.text, valid), until=None)
