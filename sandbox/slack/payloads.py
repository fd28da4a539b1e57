"""The payloads Slack sends, built from what is on the screen: people, messages and views in Slack's shapes.

Rule: pure functions of the state; nothing here decides, it only words.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.core import Core
from sandbox.slack.state import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER,
    Conversation,
    Json,
    Message,
    Person,
    View,
    Workspace,
)

_ENTERPRISE_NAME = "Acme Group"


def person_json(workspace: Workspace, person: Person, *, locale: bool, email: bool) -> Json:
    profile: Json = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": "",  # as for everybody who did not choose one
        "display_name_normalized": "",
        "team": _team_of(workspace, person),
    }
    if email and person.email:
        profile["email"] = person.email
    shown: Json = {
        "id": person.id,
        "team_id": _team_of(workspace, person),
        "name": person.name,
        "deleted": person.deleted,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": person.updated,
        "profile": profile,
    }
    if not shown["team_id"]:
        del shown["team_id"], profile["team"]
    if workspace.enterprise_id and person.is_human and not person.is_stranger:
        shown["enterprise_user"] = _enterprise_user(workspace, person)
    if person.is_bot:
        profile.update(api_app_id=APP_ID, bot_id=BOT_ID)
    if not person.deleted:  # Slack leaves these out for the deactivated
        shown.update(_flags(person))
        if locale:
            shown["locale"] = person.locale
    return shown


def _flags(person: Person) -> Json:
    return {
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz_label,
        "tz_offset": person.tz_offset,
        "is_admin": person.is_admin,
        "is_owner": person.is_owner,
        "is_primary_owner": person.is_primary_owner,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        **({"is_stranger": True} if person.is_stranger else {}),
        "is_email_confirmed": person.is_human,
        "who_can_share_contact_card": "EVERYONE",
    }


def message_json(workspace: Workspace, message: Message, *, metadata: bool = False) -> Json:
    shown: Json = {
        "type": "message",
        "user": message.author,
        "ts": message.ts,
        "text": message.text,
        "team": workspace.team_id,
    }
    if message.author == BOT_USER:
        shown.update(bot_id=BOT_ID, app_id=APP_ID)
        shown["bot_profile"] = {
            "id": BOT_ID,
            "app_id": APP_ID,
            "name": BOT_NAME,
            "team_id": workspace.team_id,
        }
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.edited_ts is not None:
        shown["edited"] = {"user": message.author, "ts": message.edited_ts}
    if message.metadata:
        kind = {"event_type": message.metadata["event_type"]}
        shown["metadata"] = message.metadata if metadata else kind
    shown.update(_thread_json(workspace, message))
    return shown


def _thread_json(workspace: Workspace, message: Message) -> Json:
    if message.thread_ts is not None:
        return {"thread_ts": message.thread_ts, "parent_user_id": BOT_USER}
    replies = [m for m in workspace.thread_of(message.conversation, message.ts) if m is not message]
    if not replies:
        return {}
    return {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}


def view_json(workspace: Workspace, view: View) -> Json:
    body = view.body
    shown: Json = {
        "id": view.id,
        "team_id": workspace.team_id,
        "type": view.kind,
        "blocks": view.blocks,
        "private_metadata": body.get("private_metadata", ""),
        "callback_id": body.get("callback_id", ""),
        "external_id": body.get("external_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": APP_ID,
        "app_installed_team_id": workspace.team_id,
        "bot_id": BOT_ID,
        "clear_on_close": body.get("clear_on_close", False),
        "notify_on_close": body.get("notify_on_close", False),
        "title": body.get("title"),
        "submit": body.get("submit"),
        "close": body.get("close"),
    }
    return shown


def _team_of(workspace: Workspace, person: Person) -> str:
    """What Slack names beside this person: a workspace, their organisation, or nothing."""
    return workspace.team_id if person.team_id is None else person.team_id


def _enterprise_user(workspace: Workspace, person: Person) -> Json:
    """What Slack adds to everybody of an organisation with several workspaces."""
    return {
        "id": person.id,
        "enterprise_id": workspace.enterprise_id,
        "enterprise_name": _ENTERPRISE_NAME,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "teams": [workspace.team_id] if person.teams is None else person.teams,
    }


def _acting_user(workspace: Workspace, person: Person) -> Json:
    return {
        "id": person.id,
        "username": person.name,
        "name": person.name,
        "team_id": _team_of(workspace, person) or workspace.enterprise_id,
    }


def _team_json(workspace: Workspace) -> Json:
    team: Json = {"id": workspace.team_id, "domain": workspace.domain}
    if not workspace.enterprise_id:
        return team
    return {**team, "enterprise_id": workspace.enterprise_id, "enterprise_name": _ENTERPRISE_NAME}


def _enterprise_json(workspace: Workspace) -> Json | None:
    return {"id": workspace.enterprise_id, "name": _ENTERPRISE_NAME} if workspace.enterprise_id else None


def metadata_problem(metadata: Any) -> str | None:
    """The error code for message metadata that Slack would refuse."""
    if not isinstance(metadata, dict):
        return "invalid_metadata_format"
    if not metadata:
        return None
    if set(metadata) != {"event_type", "event_payload"} or not isinstance(metadata["event_type"], str):
        return "invalid_metadata_schema"
    if not isinstance(metadata["event_payload"], dict):
        return "invalid_metadata_schema"
    return "metadata_too_large" if len(str(metadata)) > 8_000 else None


_VERIFICATION = "deprecated-verification-token"


def channel_name(conversation: Conversation) -> str:
    return "directmessage" if conversation.is_dm else conversation.name


def slash(core: Core, person: Person, conversation: Conversation, *, command: str, text: str) -> Json:
    workspace = core.workspace
    organisation = {"enterprise_id": workspace.enterprise_id, "enterprise_name": _ENTERPRISE_NAME}
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
        "user": _acting_user(core.workspace, person),
        "api_app_id": APP_ID,
        "token": _VERIFICATION,
        "team": _team_json(core.workspace),
        "enterprise": _enterprise_json(core.workspace),
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
