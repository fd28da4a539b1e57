"""chat.*: posting, editing, deleting. Rule: one message a second and conversation; edits are free of that."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError, invalid
from sandbox.slack.methods.base import Method
from sandbox.slack.normalize import normalized
from sandbox.slack.seed import BOT_USER
from sandbox.slack.shapes import message_json, metadata_problem
from sandbox.slack.state import Conversation, Json, Message
from sandbox.slack.validate import validate_message

PACE_SECONDS = 1.0


def content_of(arguments: Arguments) -> tuple[str, list[Json]]:
    """The text and the blocks, both valid. Raises what Slack would answer."""
    text, blocks = arguments.values.get("text"), arguments.structure("blocks")
    if not text and blocks is None:
        raise SlackError("no_text")
    problems = validate_message({"text": text} if blocks is None else {"text": text, "blocks": blocks})
    if any("msg_blocks_too_long" in problem for problem in problems):
        raise invalid("msg_blocks_too_long", problems)
    if any("json-pointer:/text]" in problem for problem in problems):
        raise invalid(
            "msg_too_long" if isinstance(text, str) and len(text) > 4000 else "invalid_arguments", problems
        )
    if problems:
        raise invalid("invalid_blocks", problems)
    return str(text), normalized(blocks or [])


def destination_of(core: Core, channel: str) -> Conversation:
    """A conversation the bot may write to. A user id means the conversation with that person."""
    workspace = core.workspace
    if channel.startswith("U"):
        person = workspace.people.get(channel)
        if person is None:
            raise SlackError("channel_not_found")
        if not person.is_human:
            raise SlackError("cannot_dm_bot")
        conversation = workspace.dm_of(channel)
    else:
        conversation = core.known_conversation(channel)
    refuse_closed(core, conversation)
    return conversation


def refuse_closed(core: Core, conversation: Conversation) -> None:
    if conversation.archived:
        raise SlackError("is_archived")
    if conversation.with_person is None:
        if BOT_USER not in conversation.members:
            raise SlackError("channel_not_found" if conversation.private else "not_in_channel")
        return
    if core.workspace.people[conversation.with_person].deleted:
        raise SlackError("user_disabled")
    if fault := core.faults.closed_dm(conversation.with_person):
        raise SlackError(fault.error)


def _metadata_of(arguments: Arguments) -> Any:
    metadata = arguments.structure("metadata")
    if metadata is not None and (problem := metadata_problem(metadata)):
        raise SlackError(problem)
    return metadata


def _pace(core: Core, conversation: Conversation) -> None:
    now = core.clock().timestamp()
    if now - core.paced.get(conversation.id, 0.0) < PACE_SECONDS:
        raise SlackError("ratelimited", retry_after=1)
    core.paced[conversation.id] = now


def _post(core: Core, arguments: Arguments) -> Json:
    text, blocks = content_of(arguments)
    metadata = _metadata_of(arguments)
    conversation = destination_of(core, arguments.needed("channel"))
    thread_ts = arguments.text("thread_ts")
    if thread_ts is not None and core.workspace.message(conversation.id, thread_ts) is None:
        raise SlackError("thread_not_found")
    _pace(core, conversation)
    message = Message(
        ts=core.workspace.next_ts(),
        conversation=conversation.id,
        author=BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=thread_ts,
        metadata=metadata or None,
    )
    core.workspace.post(message)
    shown = message_json(core.workspace, message, metadata=True)
    return {"channel": conversation.id, "ts": message.ts, "message": shown}


def _post_ephemeral(core: Core, arguments: Arguments) -> Json:
    text, blocks = content_of(arguments)
    conversation = core.known_conversation(arguments.needed("channel"))
    refuse_closed(core, conversation)
    user = arguments.needed("user")
    if user not in conversation.members:
        raise SlackError("user_not_in_channel")
    message = Message(
        ts=core.workspace.next_ts(),
        conversation=conversation.id,
        author=BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=arguments.text("thread_ts"),
        ephemeral_to=user,
    )
    core.workspace.post(message)
    return {"message_ts": message.ts}


def _own_message(core: Core, arguments: Arguments, *, refusal: str) -> Message:
    conversation = core.known_conversation(arguments.needed("channel"))
    message = core.workspace.message(conversation.id, arguments.needed("ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    if message.author != BOT_USER:
        raise SlackError(refusal)
    if conversation.archived:
        raise SlackError("is_archived")
    return message


def _update(core: Core, arguments: Arguments) -> Json:
    """Stricter than Slack, which keeps or clears the blocks left out: what had blocks must say `blocks`."""
    text, blocks = content_of(arguments)
    metadata = _metadata_of(arguments)
    message = _own_message(core, arguments, refusal="cant_update_message")
    if message.blocks and not arguments.has("blocks"):
        raise invalid("invalid_arguments", ["[ERROR] say what becomes of the blocks [json-pointer:/blocks]"])
    message.text, message.blocks = text, blocks
    message.edited_ts = core.workspace.next_ts()
    message.values.clear()
    if metadata is not None:
        message.metadata = metadata or None
    core.workspace.touch()
    shown = message_json(core.workspace, message, metadata=True)
    return {"channel": message.conversation, "ts": message.ts, "text": text, "message": shown}


def _delete(core: Core, arguments: Arguments) -> Json:
    message = _own_message(core, arguments, refusal="cant_delete_message")
    core.workspace.remove(message)
    return {"channel": message.conversation, "ts": message.ts}


def _permalink(core: Core, arguments: Arguments) -> Json:
    conversation = core.known_conversation(arguments.needed("channel"))
    ts = arguments.needed("message_ts")
    if core.workspace.message(conversation.id, ts) is None:
        raise SlackError("message_not_found")
    return {
        "channel": conversation.id,
        "permalink": f"{core.settings.base_url()}/?in={conversation.id}#m-{ts}",
    }


METHODS = {
    "chat.postMessage": Method(_post, scope="chat:write"),
    "chat.postEphemeral": Method(_post_ephemeral, scope="chat:write"),
    "chat.update": Method(_update, scope="chat:write"),
    "chat.delete": Method(_delete, scope="chat:write"),
    "chat.getPermalink": Method(_permalink),
}
