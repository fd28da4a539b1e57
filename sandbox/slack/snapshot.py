"""Everything one person sees, as JSON. Rule: looking changes nothing, not even what is unread."""

from __future__ import annotations

from sandbox.slack.localized import Reader
from sandbox.slack.plain import plain_blocks, plain_mrkdwn, plain_text
from sandbox.slack.state import Conversation, Json, Message, Person, View, Workspace


def seen(workspace: Workspace, person: Person) -> Json:
    reader = Reader(workspace, person.id)
    home = workspace.homes.get(person.id)
    return {
        "revision": workspace.revision,
        "as": person.id,
        "conversations": [_conversation(reader, c) for c in workspace.visible_to(person.id)],
        "modals": [_view(reader, view) for view in workspace.modals.get(person.id, [])],
        "home": _view(reader, home) if home else None,
    }


def _conversation(reader: Reader, conversation: Conversation) -> Json:
    workspace = reader.workspace
    return {
        "id": conversation.id,
        "name": conversation.label,
        "unread": workspace.unread(reader.user, conversation.id),
        "messages": [_message(reader, m) for m in workspace.seen_by(reader.user, conversation.id)],
    }


def plain_message(reader: Reader, message: Message) -> str:
    """What is shown of it: the blocks, or the text when there are none."""
    if not message.blocks:
        return plain_mrkdwn(reader, message.text)
    return plain_blocks(reader, message.blocks, message.values.get(reader.user))


def _message(reader: Reader, message: Message) -> Json:
    read = reader.workspace.last_read.get((reader.user, message.conversation), "")
    return {
        "ts": message.ts,
        "from": message.author,
        "from_name": reader.name_of(message.author),
        "text": message.text,
        "plain": plain_message(reader, message),
        "blocks": message.blocks,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited_ts is not None,
        "thread": message.thread_ts,
        "unread": message.ts > read and message.author != reader.user,
    }


def _view(reader: Reader, view: View) -> Json:
    def label(key: str) -> str | None:
        text = view.body.get(key)
        return plain_text(reader, text) if text else None

    return {
        "id": view.id,
        "callback_id": view.body.get("callback_id", ""),
        "private_metadata": view.body.get("private_metadata", ""),
        "title": label("title"),
        "submit": label("submit"),
        "close": label("close"),
        "plain": plain_blocks(reader, view.blocks, view.values),
        "blocks": view.blocks,
        "errors": view.errors,
        "banner": view.banner,
    }
