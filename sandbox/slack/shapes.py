"""People, messages and views in the shape Slack sends them. Pure functions of the state."""

from __future__ import annotations

from typing import Any

from sandbox.slack.seed import APP_ID, BOT_ID, BOT_NAME, BOT_USER
from sandbox.slack.state import Json, Message, Person, View, Workspace

ENTERPRISE_NAME = "Acme Group"


def person_json(workspace: Workspace, person: Person, *, locale: bool, email: bool) -> Json:
    profile: Json = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": "",  # as for everybody who did not choose one
        "display_name_normalized": "",
        "team": team_of(workspace, person),
    }
    if email and person.email:
        profile["email"] = person.email
    shown: Json = {
        "id": person.id,
        "team_id": team_of(workspace, person),
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


def team_of(workspace: Workspace, person: Person) -> str:
    """What Slack names beside this person: a workspace, their organisation, or nothing."""
    return workspace.team_id if person.team_id is None else person.team_id


def _enterprise_user(workspace: Workspace, person: Person) -> Json:
    """What Slack adds to everybody of an organisation with several workspaces."""
    return {
        "id": person.id,
        "enterprise_id": workspace.enterprise_id,
        "enterprise_name": ENTERPRISE_NAME,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "teams": [workspace.team_id] if person.teams is None else person.teams,
    }


def acting_user(workspace: Workspace, person: Person) -> Json:
    return {
        "id": person.id,
        "username": person.name,
        "name": person.name,
        "team_id": team_of(workspace, person) or workspace.enterprise_id,
    }


def team_json(workspace: Workspace) -> Json:
    team: Json = {"id": workspace.team_id, "domain": workspace.domain}
    if not workspace.enterprise_id:
        return team
    return {**team, "enterprise_id": workspace.enterprise_id, "enterprise_name": ENTERPRISE_NAME}


def enterprise_json(workspace: Workspace) -> Json | None:
    return {"id": workspace.enterprise_id, "name": ENTERPRISE_NAME} if workspace.enterprise_id else None


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
