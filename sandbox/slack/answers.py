"""What the bot answers: acks of commands and submissions, and what it sends to a response_url.

Rule: an answer Slack would not take is shown to the person as Slack shows it, and logged with its problems.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack import stack
from sandbox.slack.core import Core, ResponseUrl, SlackError, invalid
from sandbox.slack.localized import words_for
from sandbox.slack.state import BOT_USER, Json, Message, View
from sandbox.slack.validate import normalized, validate_message

_MESSAGE_KEYS = {
    "text",
    "blocks",
    "response_type",
    "replace_original",
    "delete_original",
    "thread_ts",
    "unfurl_links",
    "unfurl_media",
    "mrkdwn",
    "metadata",
}


def _checked(body: Any) -> Json:
    if not isinstance(body, dict):
        raise invalid("invalid_payload", ["[ERROR] must be an object [json-pointer:/]"])
    problems = [f"[ERROR] unknown field [json-pointer:/{key}]" for key in body.keys() - _MESSAGE_KEYS]
    if body.get("response_type", "ephemeral") not in ("ephemeral", "in_channel"):
        problems.append("[ERROR] must be one of: ephemeral, in_channel [json-pointer:/response_type]")
    problems += validate_message({key: body[key] for key in ("text", "blocks") if key in body})
    if problems:
        raise invalid("invalid_blocks", problems)
    return body


def say(core: Core, body: Any, *, user: str, conversation: str) -> Message:
    """A message from the body of an answer; only its asker sees it unless it says `in_channel`."""
    checked = _checked(body)
    in_channel = checked.get("response_type") == "in_channel"
    return core.workspace.post(
        Message(
            ts=core.workspace.next_ts(),
            conversation=conversation,
            author=BOT_USER,
            text=checked["text"],
            blocks=normalized(checked.get("blocks") or []),
            thread_ts=checked.get("thread_ts"),
            ephemeral_to=None if in_channel else user,
        )
    )


def respond(core: Core, secret: str, body: Any) -> None:
    """One use of a response_url. Raises `SlackError`."""
    url = core.response_urls.use(secret)
    if isinstance(body, dict) and body.get("delete_original") is True:
        core.workspace.remove(_original(core, url))
    elif isinstance(body, dict) and body.get("replace_original") is True:
        _replace(core, _original(core, url), _checked(body))
    else:
        say(core, body, user=url.user, conversation=url.conversation)


def _original(core: Core, url: ResponseUrl) -> Message:
    """The message whose button was clicked; a slash command has none."""
    found = core.workspace.message(url.conversation, url.message_ts) if url.message_ts else None
    if found is None:
        raise SlackError("message_not_found")
    return found


def _replace(core: Core, message: Message, body: Json) -> None:
    message.text = body["text"]
    message.blocks = normalized(body.get("blocks") or [])
    message.values.clear()
    if message.ephemeral_to is None:
        message.edited_ts = core.workspace.next_ts()
    core.workspace.touch()


def apply_submission(core: Core, view: View, body: Any) -> str | None:
    """Does what the ack of a submission says. Answers what the person is shown when it makes no sense."""
    try:
        _apply(core, view, body or {})
    except SlackError as error:
        problems = error.beside.get("response_metadata", {}).get("messages", [])
        core.calls.add("ack:view_submission", error=error.code, arguments=body, problems=problems)
        view.banner = words_for(core.workspace.people[view.user])["trouble"]
        core.workspace.touch()
        return view.banner
    core.calls.add("ack:view_submission", arguments=body or {})
    return None


def _apply(core: Core, view: View, body: Any) -> None:
    workspace = core.workspace
    action = body.get("response_action") if isinstance(body, dict) else "?"
    if body == {}:
        stack.pop_modal(workspace, view)
    elif action == "clear":
        stack.clear_modals(workspace, view.user)
    elif action == "errors":
        _show_errors(core, view, body.get("errors"))
    elif action == "update":
        fresh = stack.checked(body.get("view"), kind="modal")
        stack.refuse_taken_external_id(workspace, fresh, but=view.id)
        stack.redraw(workspace, view, fresh)
    elif action == "push":
        fresh = stack.checked(body.get("view"), kind="modal")
        stack.refuse_taken_external_id(workspace, fresh)
        stack.push_modal(workspace, view.user, fresh)
    else:
        raise invalid(
            "invalid_response_action", [f"[ERROR] unknown: {action} [json-pointer:/response_action]"]
        )


def _show_errors(core: Core, view: View, errors: Any) -> None:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise invalid("invalid_errors", ["[ERROR] must be an object with entries [json-pointer:/errors]"])
    problems = [
        f"[ERROR] no input block of this view [json-pointer:/errors/{key}]" for key in errors.keys() - inputs
    ]
    problems += [
        f"[ERROR] must be a string [json-pointer:/errors/{key}]"
        for key, text in errors.items()
        if not isinstance(text, str) or not text
    ]
    if problems:
        raise invalid("invalid_errors", problems)
    view.errors = dict(errors)
    core.workspace.touch()
