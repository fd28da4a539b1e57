"""Modal stacks and Home tabs: how views open, pile up, change and go away, and what their inputs hold: at
first, after a redraw, and in the shape Slack sends it.

Rule: at most three views on a stack; a changed view gets a new hash; what a person typed survives a redraw
when block_id, action_id and type are still there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from sandbox.slack.core import SlackError, invalid
from sandbox.slack.state import Json, Values, View, Workspace
from sandbox.slack.validate import normalized, validate_view

_FIELD = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
}


def elements_of(block: Json) -> Iterator[Json]:
    """The interactive elements of a block, wherever it keeps them."""
    if block["type"] == "actions":
        yield from block["elements"]
    elif block["type"] == "input":
        yield block["element"]
    elif block["type"] == "section" and "accessory" in block:
        yield block["accessory"]


def held_field(element: Json) -> str | None:
    """The key under which this element's value is sent; None for what holds nothing, like a button."""
    names = _FIELD.get(element["type"])
    return names[0] if names else None


def initial_values(blocks: list[Json], *, kept: Values | None = None) -> Values:
    values: Values = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] not in _FIELD:
                continue
            field, initial = _FIELD[element["type"]]
            empty: list[Json] | None = [] if field == "selected_options" else None
            held = {"type": element["type"], field: element.get(initial, empty)}
            before = (kept or {}).get(block["block_id"], {}).get(element["action_id"])
            if before is not None and before["type"] == element["type"]:
                held = before
            values.setdefault(block["block_id"], {})[element["action_id"]] = held
    return values


_DEPTH = 3


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
    if len(stack) >= _DEPTH:
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
