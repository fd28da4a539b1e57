"""What the inputs of a surface hold: at first, after a redraw, and in the shape Slack sends it.

Rule: what a person typed survives a redraw when block_id, action_id and type are still there.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.slack.state import Json, Values

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
