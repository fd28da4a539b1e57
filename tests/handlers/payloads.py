"""Payloads as Slack sends them, each valid as it stands; a test names only what it is about."""

from __future__ import annotations

from typing import Any

from tests.views.samples import ANN, W

Json = dict[str, Any]

_PERSON = {"id": ANN, "team_id": W}


def a_command(text: str, *, response_url: str = "", **changes: Any) -> Json:
    return {
        "command": "/inbox",
        "text": text,
        "team_id": W,
        "user_id": ANN,
        "trigger_id": "t-1",
        "response_url": response_url,
        **changes,
    }


def a_click(action_id: str, value: str = "", *, response_url: str = "", **changes: Any) -> Json:
    """A button in a message that only the clicker sees."""
    return {
        "type": "block_actions",
        "user": _PERSON,
        "team": {"id": W},
        "container": {"type": "message", "is_ephemeral": True},
        "trigger_id": "t-2",
        "response_url": response_url,
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value}],
        **changes,
    }


def a_click_in(view_type: str, action_id: str, value: str = "") -> Json:
    """A button in a modal or on Home."""
    view = {"id": "V0", "type": view_type, "team_id": W, "callback_id": "", "state": {"values": {}}}
    return a_click(action_id, value, container={"type": "view", "view_id": "V0"}, view=view)


def a_form(callback_id: str, *, metadata: str = "", address: str | None = None, **changes: Any) -> Json:
    """A dialog that was sent off. ``chosen`` are its other fields, each as Slack would send its element."""
    chosen: Json = changes.pop("chosen", {})
    typed = {} if address is None else {"address": {"address": typed_in(address)}}
    return {
        "type": "view_submission",
        "user": _PERSON,
        "team": {"id": W},
        "trigger_id": "t-3",
        "view": {
            "id": "V9",
            "type": "modal",
            "team_id": W,
            "callback_id": callback_id,
            "private_metadata": metadata,
            "state": {"values": {**typed, **{block: {block: held} for block, held in chosen.items()}}},
        },
        **changes,
    }


def typed_in(value: str | None) -> Json:
    return {"type": "plain_text_input", "value": value}


def picked(value: str) -> Json:
    """A radio button or an option of a list."""
    return {"type": "radio_buttons", "selected_option": {"value": value}}


def selected(kind: str, value: str | None) -> Json:
    """Somebody or something out of Slack's own lists: ``user``, ``conversation``."""
    return {"type": f"{kind}s_select", f"selected_{kind}": value}


def an_event(event: Json, *, event_id: str = "Ev1", **changes: Any) -> Json:
    return {"type": "event_callback", "team_id": W, "event_id": event_id, "event": event, **changes}
