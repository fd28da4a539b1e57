"""A request in two messages, kept true: to every admin who may answer, and to whoever asked."""

# ruff: noqa: PLR0911, PLR0912 - one return per case is how a closed set reads best

from __future__ import annotations

from bot.domain.access import Operation
from bot.domain.request import Awaits, Request, RequestedChange, RequestState
from bot.domain.view_models import NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    context,
    escape,
    inert,
    instant,
    mention,
    message,
    quiet,
    quoted,
    section,
    to_type,
)
from bot.views.buttons import (
    approve_buttons,
    cancel_button,
    go_on_button,
    overview_button,
    undo_decline_button,
)
from bot.views.i18n import Language
from bot.views.wording import company, consequence_words, requested_change_words
from bot.views.wording.approvals import approval_message


def request_notice(lang: Language, model: NoticeModel) -> Message:
    """To an admin: who asks for what and why; later, who answered."""
    request = model.request
    if request is None:
        return quiet(lang.say("There is nothing left to do."))
    if request.may_take_back(model.notice.recipient, model.now):
        said, undo = _answered(lang, request), undo_decline_button(lang, request)
        return message(said, [section(said), *_why_not(lang, request), *actions(undo)])
    if not request.is_open:
        said = _answered(lang, request)
        return message(said, [context(said), *_why_not(lang, request)])
    who, requested_change = (
        mention(request.requester),
        escape(requested_change_words(lang, request.requested_change)),
    )
    asks = lang.say("{who} asks for your approval:", who=who)
    blocks = [
        section("\n".join([f"🙋 {asks}", bold(requested_change), *_details(lang, model, request)])),
        section(_reason(lang, request)),
        section(escape(consequence_words(lang, request.requested_change, model.provider_label))),
        *actions(*approve_buttons(lang, request)),
        context(_waits(lang, request)),
    ]
    return message(lang.together(f"🙋 {asks}", requested_change), blocks)


def _details(lang: Language, model: NoticeModel, request: Request) -> list[str]:
    """What was typed and chosen, each on a line of its own, quoted as theirs."""
    requested_change = request.requested_change
    conversation = (
        f"<#{requested_change.inbox.conversation_id}>"
        if _is_conversation(requested_change.inbox.conversation_id or "")
        else ""
    )
    told = [
        lang.say("Name: {name}", name=name) if (name := inert(requested_change.inbox.name)) else "",
        lang.say("Used for: {use}", use=use) if (use := inert(requested_change.inbox.use, 200)) else "",
        lang.say("Conversation to notify: {conversation}", conversation=conversation) if conversation else "",
        _host(lang, request.requested_change, model.provider_label),
    ]
    return [line for line in told if line]


def _host(lang: Language, requested_change: RequestedChange, label: str) -> str:
    """What was chosen of where the mailbox is; a switch has its provider in its name."""
    if requested_change.is_shared:
        return lang.say("Shared mailbox: they sign in with their own account")
    if requested_change.operation is not Operation.CONNECT or not requested_change.provider:
        return ""
    if requested_change.provider == "imap":
        return lang.say("Provider: a mail server (IMAP) that they name")
    return lang.say("Provider: {provider}", provider=inert(label, 40))


def _reason(lang: Language, request: Request) -> str:
    reason = inert(request.reason, 500)
    if not reason:
        return lang.say("No reason was given.")
    return lang.say("Reason: {reason}", reason=lang.quoted(reason))


def _is_conversation(conversation_id: str) -> bool:
    return conversation_id[:1] in {"C", "G"} and conversation_id.isalnum() and conversation_id.isascii()


def _waits(lang: Language, request: Request) -> str:
    return lang.say(
        "Please answer by {when}. All admins got this message; the first answer counts.",
        when=instant(lang, request.expires_at),
    )


def _answered(lang: Language, request: Request) -> str:
    """The request, who asked, and what came of it: one quiet line."""
    said = lang.say(
        "{requested_change} (asked by {who}): {outcome}",
        requested_change=escape(requested_change_words(lang, request.requested_change)),
        who=mention(request.requester),
        outcome=_outcome(lang, request),
    )
    return f"{_mark(request)} {said}"


def _mark(request: Request) -> str:
    return {
        RequestState.WAITING: "⏳",
        RequestState.APPROVED: "✅",
        RequestState.DONE: "✅",
        RequestState.DECLINED: "✋",
    }.get(request.state, "⚪")


def _outcome(lang: Language, request: Request) -> str:
    by = mention(request.answered_by) if request.answered_by else ""
    match request.state:
        case RequestState.WAITING:
            return lang.say("waiting for an admin")
        case RequestState.APPROVED if by:
            return lang.say("approved by {who}; waiting for the person who asked to sign in", who=by)
        case RequestState.APPROVED:
            return lang.say("approved; waiting for the person who asked to sign in")
        case RequestState.DONE if by:
            return lang.say("approved by {who}, and done", who=by)
        case RequestState.DONE:
            return lang.say("done")
        case RequestState.DECLINED if by:
            return lang.say("declined by {who}", who=by)
        case RequestState.DECLINED:
            return lang.say("declined")
        case RequestState.EXPIRED if by:
            return lang.say("approved by {who}, but not used in time", who=by)
        case RequestState.EXPIRED if request.was_answered:
            return lang.say("approved, but not used in time")
        case RequestState.EXPIRED:
            return lang.say("nobody answered in time")
        case RequestState.CANCELLED if request.answered_by == request.requester:
            return lang.say("withdrawn by the person who asked")
        case RequestState.CANCELLED if by:
            return lang.say("approved by {who}, but no longer possible", who=by)
        case RequestState.CANCELLED:
            return lang.say("no longer possible")
        case RequestState.REPLACED:
            return lang.say("asked again, see the newer message")


def requester_notice(lang: Language, model: NoticeModel) -> Message:
    """To whoever asked: where it stands, and the next step."""
    request = model.request
    if request is None:
        return quiet(lang.say("There is nothing left to do."))
    if _is_theirs(request):
        return _for_their_admin(lang, model, request)
    requested_change, outcome = (
        escape(requested_change_words(lang, request.requested_change)),
        _outcome_for_requester(lang, request),
    )
    said = f"{_mark(request)} " + lang.say(
        "{requested_change}: {outcome}", requested_change=requested_change, outcome=outcome
    )
    is_unheard = model.is_unheard and request.state is RequestState.WAITING
    step = _unheard(lang, model) if is_unheard else _next_step(lang, request)
    if request.state in {RequestState.DONE, RequestState.REPLACED} or _is_withdrawn(request):
        return quiet(said)
    why_not = _why_not(lang, request)
    return message(said, [section("\n".join([said, step])), *why_not, *_buttons(lang, request)])


def _why_not(lang: Language, request: Request) -> list[Block]:
    """What whoever declined wrote about it."""
    reason = inert(request.answer_reason, 500)
    said = lang.say("Their reason: {reason}", reason=lang.quoted(reason))
    return [context(said)] if reason else []


def _for_their_admin(lang: Language, model: NoticeModel, request: Request) -> Message:
    """It waits for somebody who is not in Slack: what to send them, and how to go on."""
    at = company(model.provider_label)
    said = f"{_mark(request)} " + lang.say(
        "{requested_change}: {outcome}",
        requested_change=escape(requested_change_words(lang, request.requested_change)),
        outcome=_their_answer(lang, request, at),
    )
    until = instant(lang, request.expires_at)
    if request.state is RequestState.APPROVED:
        step = lang.say("Continue and sign in. Possible until {when}.", when=until)
        return message(said, [section("\n".join([said, step])), *actions(go_on_button(lang, request))])
    lines = approval_message(
        lang,
        at,
        request.requested_change.address,
        model.app,
        scopes=model.scopes,
        features=model.features,
    )
    how = lang.say(
        "Send this to that admin. As soon as they accept, you get a message here; if they "
        "did it another way, just continue. You have until {when}.",
        when=until,
    )
    blocks = [
        section("\n".join([said, how])),
        section("\n".join(quoted(lines))),
        *actions(
            go_on_button(lang, request, label=lang.say("They have approved: continue")),
            cancel_button(lang, request),
        ),
    ]
    return message(said, blocks)


def _is_theirs(request: Request) -> bool:
    """Whether it is the organisation's admin who has it, or has just said yes."""
    return request.awaits is Awaits.TENANT and request.state in {RequestState.WAITING, RequestState.APPROVED}


def _their_answer(lang: Language, request: Request, at: str) -> str:
    if request.state is RequestState.APPROVED:
        return lang.say("your organisation's {company} admin has approved", company=at)
    return lang.say("waiting for your organisation's {company} admin", company=at)


def answered_reply(lang: Language, model: NoticeModel) -> Message:
    """In the thread of one's own request: somebody has answered. Never edited, it says just that."""
    request = model.request
    if request is None:
        return quiet(lang.say("There is nothing left to do."))
    at = company(model.provider_label)
    outcome = (
        _their_answer(lang, request, at) if _is_theirs(request) else _outcome_for_requester(lang, request)
    )
    said = f"{_mark(request)} " + lang.say(
        "{requested_change}: {outcome}",
        requested_change=escape(requested_change_words(lang, request.requested_change)),
        outcome=outcome,
    )
    more = lang.say("The message above says how to go on.") if request.may_go_on else ""
    lines = "\n".join(line for line in (said, more) if line)
    return message(said, [section(lines), *_why_not(lang, request)])


def _unheard(lang: Language, model: NoticeModel) -> str:
    return lang.say(
        "No admin can get messages from the bot. Talk to one of them: {command} shows who they are, and they "
        "can do it themselves.",
        command=to_type(model.command, lang.say("admins")),
    )


def _is_withdrawn(request: Request) -> bool:
    return request.state is RequestState.CANCELLED and request.answered_by == request.requester


def _outcome_for_requester(lang: Language, request: Request) -> str:
    match request.state:
        case RequestState.APPROVED if request.answered_by:
            return lang.say("approved by {who}", who=mention(request.answered_by))
        case RequestState.APPROVED:
            return lang.say("approved")
        case RequestState.CANCELLED if _is_withdrawn(request):
            return lang.say("you withdrew it")
        case _:
            return _outcome(lang, request)


def _next_step(lang: Language, request: Request) -> str:
    until = instant(lang, request.expires_at)
    match request.state:
        case RequestState.WAITING:
            return lang.say(
                "The admins have been asked and have until {when} to answer. This message changes "
                "when one of them does.",
                when=until,
            )
        case RequestState.APPROVED:
            return lang.say("Continue and sign in. Possible until {when}.", when=until)
        case RequestState.DECLINED:
            return (
                lang.say("Nothing has changed. Talk to them if you still need it.")
                if request.answered_by
                else lang.say("Nothing has changed. Talk to an admin if you still need it.")
            )
        case RequestState.EXPIRED:
            return lang.say("Nothing has changed. Ask again, or talk to an admin.")
        case _:
            return lang.say("The inbox has changed since then.")


def _buttons(lang: Language, request: Request) -> list[Block]:
    if request.state is RequestState.WAITING:
        return actions(cancel_button(lang, request))
    if request.state is RequestState.APPROVED:
        return actions(go_on_button(lang, request))
    return actions(overview_button(lang)) if request.state is RequestState.CANCELLED else []
