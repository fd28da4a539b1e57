"""The payloads Slack sends, built from what is on the screen. Rule: nothing here decides, it only words."""

from __future__ import annotations

from typing import Any

from sandbox.slack.core import Core
from sandbox.slack.seed import APP_ID, BOT_USER
from sandbox.slack.shapes import (
    ENTERPRISE_NAME,
    acting_user,
    enterprise_json,
    message_json,
    person_json,
    team_json,
    view_json,
)
from sandbox.slack.state import Conversation, Json, Message, Person, View

_VERIFICATION = "deprecated-verification-token"


def channel_name(conversation: Conversation) -> str:
    return "directmessage" if conversation.is_dm else conversation.name


def slash(core: Core, person: Person, conversation: Conversation, *, command: str, text: str) -> Json:
    workspace = core.workspace
    organisation = {"enterprise_id": workspace.enterprise_id, "enterprise_name": ENTERPRISE_NAME}
    return {
        "token": _VERIFICATION,
        "team_id": workspace.team_id,
        "team_domain": workspace.domain,
        **(organisation if workspace.enterprise_id else {}),
        "channel_id": conversation.id,
        "channel_name": channel_name(conversation),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": core.respond_url(user=person.id, conversation=conversation.id, message_ts=None),
        "trigger_id": core.triggers.issue(person.id),
    }


def _interaction(core: Core, person: Person, kind: str) -> Json:
    return {
        "type": kind,
        "user": acting_user(core.workspace, person),
        "api_app_id": APP_ID,
        "token": _VERIFICATION,
        "team": team_json(core.workspace),
        "enterprise": enterprise_json(core.workspace),
        "is_enterprise_install": False,
    }


def action_of(core: Core, block: Json, element: Json, held: Json) -> Json:
    """What the person did to one element. `held` is what that changed, e.g. the option chosen."""
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": core.workspace.next_ts(),
    }
    for key in ("text", "value", "style", "placeholder", "confirm", "url"):
        if key in element:
            action[key] = element[key]
    return {**action, **held}


def message_action(core: Core, person: Person, message: Message, action: Json) -> Json:
    """An ephemeral message is not sent along; Slack does not keep it."""
    conversation = core.workspace.conversations[message.conversation]
    is_ephemeral = message.ephemeral_to is not None
    payload: Json = {
        **_interaction(core, person, "block_actions"),
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": conversation.id,
            "is_ephemeral": is_ephemeral,
        },
        "trigger_id": core.triggers.issue(person.id),
        "channel": {"id": conversation.id, "name": channel_name(conversation)},
        "state": {"values": message.values.get(person.id, {})},
        "response_url": core.respond_url(user=person.id, conversation=conversation.id, message_ts=message.ts),
        "actions": [action],
    }
    if message.thread_ts is not None:
        payload["container"]["thread_ts"] = message.thread_ts
    if not is_ephemeral:
        payload["message"] = message_json(core.workspace, message)
    return payload


def view_action(core: Core, person: Person, view: View, action: Json) -> Json:
    return {
        **_interaction(core, person, "block_actions"),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": core.triggers.issue(person.id, view_id=view.id),
        "view": view_json(core.workspace, view),
        "actions": [action],
    }


def suggestion(core: Core, person: Person, view: View, asked: Json) -> Json:
    """``asked``: of which element, and what was typed. Neither a trigger nor a response_url comes with it."""
    return {
        **_interaction(core, person, "block_suggestion"),
        "container": {"type": "view", "view_id": view.id},
        "view": view_json(core.workspace, view),
        **asked,
    }


def submission(core: Core, person: Person, view: View) -> Json:
    return {
        **_interaction(core, person, "view_submission"),
        "trigger_id": core.triggers.issue(person.id, view_id=view.id),
        "view": view_json(core.workspace, view),
        "response_urls": [],
    }


def closed(core: Core, person: Person, view: View, *, is_cleared: bool) -> Json:
    return {
        **_interaction(core, person, "view_closed"),
        "view": view_json(core.workspace, view),
        "is_cleared": is_cleared,
    }


def event(core: Core, inner: Json) -> Json:
    workspace = core.workspace
    about = inner.get("user")
    # What happened to somebody of another workspace happened there; whom it is sent to stands below.
    where = about.get("team_id") if workspace.enterprise_id and isinstance(about, dict) else None
    return {
        "token": _VERIFICATION,
        "team_id": where or workspace.team_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": workspace.enterprise_id or None,
        "api_app_id": APP_ID,
        "event": {**inner, "event_ts": workspace.next_ts()},
        "type": "event_callback",
        "event_id": workspace.next_id("Ev"),
        "event_time": int(core.clock().timestamp()),
        "authorizations": [
            {
                "enterprise_id": workspace.enterprise_id or None,
                "team_id": workspace.team_id,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def home_opened(core: Core, person: Person, *, tab: str) -> Json:
    inner: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": core.workspace.dm_of(person.id).id,
        "tab": tab,
    }
    view = core.workspace.homes.get(person.id)
    if tab == "home" and view is not None:
        inner["view"] = view_json(core.workspace, view)
    return inner


def user_change(core: Core, person: Person) -> Json:
    email = "users:read.email" in core.settings.scopes
    shown: Any = person_json(core.workspace, person, locale=True, email=email)
    return {"type": "user_change", "user": shown, "cache_ts": int(core.clock().timestamp())}
