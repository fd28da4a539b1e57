"""conversations.*: opening, joining and reading back. Rule: ids only, and only with the scope."""

from __future__ import annotations

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.base import Method, page_of
from sandbox.slack.seed import BOT_NAME, BOT_USER, SLACKBOT
from sandbox.slack.shapes import message_json
from sandbox.slack.state import Conversation, Json, Message


def _open(core: Core, arguments: Arguments) -> Json:
    users = arguments.needed("users").split(",")
    if len(users) > 1:
        core.require_scope("mpim:write")
        raise SlackError("unknown_method", detail="group conversations are not part of this Slack")
    person = core.known_person(users[0])
    if person.deleted:
        raise SlackError("user_disabled")
    if not person.is_human:
        raise SlackError("cannot_dm_bot")
    if fault := core.faults.closed_dm(person.id):
        raise SlackError(fault.error)
    known = f"D{person.id[1:]}" in core.workspace.conversations
    conversation = core.workspace.dm_of(person.id)
    answer: Json = {"channel": {"id": conversation.id}}
    if arguments.flag("return_im"):
        answer["channel"] = _conversation_json(conversation)
    return {**answer, "already_open": known} if known else answer


def _conversation_json(conversation: Conversation) -> Json:
    if conversation.is_dm:
        return {"id": conversation.id, "is_im": True, "user": conversation.with_person, "is_open": True}
    return {
        "id": conversation.id,
        "name": conversation.name,
        "is_channel": True,
        "is_im": False,
        "is_archived": conversation.archived,
        "is_member": BOT_USER in conversation.members,
        "is_private": conversation.private,
    }


def _readable(core: Core, arguments: Arguments) -> Conversation:
    conversation = core.known_conversation(arguments.needed("channel"))
    core.require_scope("im:history" if conversation.is_dm else "channels:history")
    if not conversation.is_dm and BOT_USER not in conversation.members:
        raise SlackError("not_in_channel")
    return conversation


def _between(messages: list[Message], arguments: Arguments) -> list[Message]:
    oldest, latest = arguments.text("oldest") or "0", arguments.text("latest")
    inclusive = arguments.flag("inclusive")

    def inside(message: Message) -> bool:
        if inclusive and message.ts in (oldest, latest):
            return True
        return float(message.ts) > float(oldest) and (latest is None or float(message.ts) < float(latest))

    return [m for m in messages if m.ephemeral_to is None and inside(m)]


def _history(core: Core, arguments: Arguments) -> Json:
    conversation = _readable(core, arguments)
    said = [m for m in core.workspace.messages.get(conversation.id, []) if m.thread_ts is None]
    return _page(core, arguments, list(reversed(_between(said, arguments))))


def _replies(core: Core, arguments: Arguments) -> Json:
    conversation = _readable(core, arguments)
    thread = core.workspace.thread_of(conversation.id, arguments.needed("ts"))
    if not thread:
        raise SlackError("thread_not_found")
    return _page(core, arguments, _between(thread, arguments))


def _page(core: Core, arguments: Arguments, messages: list[Message]) -> Json:
    page, cursor = page_of(messages, arguments, default=100, most=999)
    whole = arguments.flag("include_all_metadata")
    return {
        "messages": [message_json(core.workspace, m, metadata=whole) for m in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def _info(core: Core, arguments: Arguments) -> Json:
    conversation_id = arguments.needed("channel")
    core.require_scope("im:read" if conversation_id.startswith("D") else "channels:read")
    return {"channel": _conversation_json(core.known_conversation(conversation_id))}


def _join(core: Core, arguments: Arguments) -> Json:
    conversation = core.known_conversation(arguments.needed("channel"))
    is_member = BOT_USER in conversation.members
    if conversation.private and not is_member:
        raise SlackError("channel_not_found")
    if conversation.is_dm or conversation.private:
        raise SlackError("method_not_supported_for_channel_type")
    if conversation.archived:
        raise SlackError("is_archived")
    warning: Json = {"warning": "already_in_channel"} if is_member else {}
    if not is_member:
        conversation.members.add(BOT_USER)
        said = f"{BOT_NAME} joined #{conversation.name}."
        core.workspace.post(Message(core.workspace.next_ts(), conversation.id, SLACKBOT, said, []))
    return {"channel": _conversation_json(conversation), **warning}


METHODS = {
    "conversations.open": Method(_open, scope="im:write"),
    "conversations.join": Method(_join, scope="channels:join"),
    "conversations.history": Method(_history),
    "conversations.replies": Method(_replies),
    "conversations.info": Method(_info),
}
