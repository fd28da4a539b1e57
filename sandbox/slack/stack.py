"""Modal stacks and Home tabs: how views open, pile up, change and go away.

Rule: at most three views on a stack; a changed view gets a new hash; what was typed stays where it can.
"""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.slack.errors import SlackError, invalid
from sandbox.slack.input_state import initial_values
from sandbox.slack.normalize import normalized
from sandbox.slack.state import Json, View, Workspace
from sandbox.slack.validate import validate_view

DEPTH = 3


def checked(view: Any, *, kind: str) -> Json:
    """The view, valid and normalized. Raises what Slack would answer."""
    problems = validate_view(view)
    if not problems and view["type"] != kind:
        problems = [f"[ERROR] must be one of: {kind} [json-pointer:/view/type]"]
    if any("view_too_large" in problem for problem in problems):
        raise invalid("view_too_large", problems)
    if problems:
        raise invalid("invalid_arguments", problems)
    return {**view, "blocks": normalized(view["blocks"])}


def refuse_taken_external_id(workspace: Workspace, body: Json, *, but: str | None = None) -> None:
    external_id = body.get("external_id")
    open_views = [view for stack in workspace.modals.values() for view in stack]
    for view in [*open_views, *workspace.homes.values()]:
        if external_id and view.id != but and view.body.get("external_id") == external_id:
            raise SlackError("duplicate_external_id")


def open_modal(workspace: Workspace, user: str, body: Json) -> View:
    """A new stack: whatever stood open before is gone."""
    workspace.modals[user] = []
    return push_modal(workspace, user, body)


def push_modal(workspace: Workspace, user: str, body: Json) -> View:
    stack = workspace.modals.setdefault(user, [])
    if len(stack) >= DEPTH:
        raise SlackError("push_limit_reached")
    view = _fresh(workspace, "modal", user, body)
    if stack:
        view.root_id, view.previous_id = stack[0].id, stack[-1].id
    stack.append(view)
    workspace.touch()
    return view


def publish_home(workspace: Workspace, user: str, body: Json) -> View:
    known = workspace.homes.get(user)
    if known is None:
        known = workspace.homes[user] = _fresh(workspace, "home", user, body)
        workspace.touch()
        return known
    return redraw(workspace, known, body)


def redraw(workspace: Workspace, view: View, body: Json) -> View:
    view.body = body
    view.values = initial_values(view.blocks, kept=view.values)
    view.errors.clear()
    view.banner = None
    view.hash = _hash(workspace)
    view.changed_ts = workspace.next_ts()
    workspace.touch()
    return view


def pop_modal(workspace: Workspace, view: View) -> None:
    stack = workspace.modals.get(view.user, [])
    if view in stack:
        stack.remove(view)
    workspace.touch()


def clear_modals(workspace: Workspace, user: str) -> None:
    workspace.modals[user] = []
    workspace.touch()


def refuse_stale(view: View, claimed: str | None) -> None:
    if claimed is not None and claimed != view.hash:
        raise SlackError("hash_conflict")


def _fresh(workspace: Workspace, kind: str, user: str, body: Json) -> View:
    view_id = workspace.next_id("V")
    return View(
        id=view_id,
        kind=kind,
        user=user,
        body=body,
        hash=_hash(workspace),
        changed_ts=workspace.next_ts(),
        root_id=view_id,
        values=initial_values(body["blocks"]),
    )


def _hash(workspace: Workspace) -> str:
    return f"{workspace.next_ts()}.{secrets.token_hex(4)}"
