"""Interactive elements, each with its limits, and which element may stand where."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blockkit.rules import (
    Json,
    Report,
    Rule,
    Shape,
    boolean,
    by_type,
    integer,
    list_of,
    one_of,
    string,
    typed,
    url,
)
from sandbox.slack.blockkit.texts import any_text, confirm, option, plain

ACTION_ID = string(255)


def _focus(value: Any, pointer: str, report: Report) -> None:
    boolean(value, pointer, report)
    if value is True:
        report.focused += 1
        if report.focused > 1:
            report.fail(pointer, "only one element may have focus_on_load")


_ID: dict[str, Rule] = {"action_id": ACTION_ID}
_CHOICE: dict[str, Rule] = {**_ID, "confirm": confirm, "focus_on_load": _focus}
_SELECT: dict[str, Rule] = {**_CHOICE, "placeholder": plain(150)}


def _initial_among(key: str) -> Rule:
    """Slack refuses an initial choice that is not, letter by letter, one of the options."""

    def check(element: Json, pointer: str, report: Report) -> None:
        initial = element.get(key)
        chosen = initial if isinstance(initial, list) else [initial] if initial is not None else []
        offered = _offered(element)
        for one in chosen:
            if one not in offered:
                report.fail(f"{pointer}/{key}", "must be one of the provided options")
        if key == "initial_option" and "options" in element and "option_groups" in element:
            report.fail(pointer, "options and option_groups exclude each other")

    return check


def _offered(element: Json) -> list[Any]:
    groups = element.get("option_groups")
    if not isinstance(groups, list):
        return list(element.get("options") or [])
    return [one for group in groups if isinstance(group, dict) for one in group.get("options", [])]


def _has_options(element: Json, pointer: str, report: Report) -> None:
    _initial_among("initial_option")(element, pointer, report)
    if "options" not in element and "option_groups" not in element:
        report.fail(pointer, "missing required field: options")


def _lengths(element: Json, pointer: str, report: Report) -> None:
    least, most = element.get("min_length"), element.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        report.fail(pointer, "min_length must not exceed max_length")


_GROUP = Shape({"label": plain(75), "options": list_of(option(), most=100)})
_DISPATCH = Shape({"trigger_actions_on": list_of(one_of("on_enter_pressed", "on_character_entered"), most=2)})
_FILTER = Shape(
    {},
    {
        "include": list_of(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)

BUTTON = typed(
    "button",
    {"text": plain(75)},
    {
        **_ID,
        "value": string(2000),
        "url": url(),
        "style": one_of("primary", "danger"),
        "confirm": confirm,
        "accessibility_label": string(75),
    },
)
OVERFLOW = typed("overflow", {"options": list_of(option(with_url=True), most=5)}, {**_ID, "confirm": confirm})
STATIC_SELECT = typed(
    "static_select",
    {},
    {
        **_SELECT,
        "options": list_of(option(), most=100),
        "option_groups": list_of(_GROUP, most=100),
        "initial_option": option(),
    },
    also=_has_options,
)
USERS_SELECT = typed("users_select", {}, {**_SELECT, "initial_user": string(20)})
CONVERSATIONS_SELECT = typed(
    "conversations_select",
    {},
    {
        **_SELECT,
        "initial_conversation": string(20),
        "default_to_current_conversation": boolean,
        "filter": _FILTER,
    },
)
MOST_OPTIONS = 100


def _initial_fit(element: Json, pointer: str, report: Report) -> None:
    most, initial = element.get("max_selected_items"), element.get("initial_options")
    if isinstance(most, int) and isinstance(initial, list) and len(initial) > most:
        report.fail(f"{pointer}/initial_options", "no more than max_selected_items allowed")


MULTI_EXTERNAL_SELECT = typed(
    "multi_external_select",
    {},
    {
        **_SELECT,
        "min_query_length": integer(0, 255),
        "max_selected_items": integer(1, 1000),
        "initial_options": list_of(option(), most=MOST_OPTIONS),
    },
    also=_initial_fit,
)
SUGGESTED = Shape({"options": list_of(option(), least=0, most=MOST_OPTIONS)})
SUGGESTED_GROUPS = Shape({"option_groups": list_of(_GROUP, least=0, most=MOST_OPTIONS)})
"""What may answer whoever types into an external select: one of the two."""
RADIO_BUTTONS = typed(
    "radio_buttons",
    {"options": list_of(option(marked=True), most=10)},
    {**_CHOICE, "initial_option": option(marked=True)},
    also=_initial_among("initial_option"),
)
CHECKBOXES = typed(
    "checkboxes",
    {"options": list_of(option(marked=True), most=10)},
    {**_CHOICE, "initial_options": list_of(option(marked=True), most=10)},
    also=_initial_among("initial_options"),
)
PLAIN_TEXT_INPUT = typed(
    "plain_text_input",
    {},
    {
        **_ID,
        "placeholder": plain(150),
        "initial_value": string(3000, least=0),
        "multiline": boolean,
        "min_length": integer(0, 3000),
        "max_length": integer(1, 3000),
        "dispatch_action_config": _DISPATCH,
        "focus_on_load": _focus,
    },
    also=_lengths,
)
EMAIL_TEXT_INPUT = typed(
    "email_text_input",
    {},
    {
        **_ID,
        "placeholder": plain(150),
        "initial_value": string(3000, least=0),
        "dispatch_action_config": _DISPATCH,
        "focus_on_load": _focus,
    },
)
IMAGE_ELEMENT = typed("image", {"image_url": url(), "alt_text": string(2000)})

_CLICKED: dict[str, Rule] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "static_select": STATIC_SELECT,
    "users_select": USERS_SELECT,
    "conversations_select": CONVERSATIONS_SELECT,
    "radio_buttons": RADIO_BUTTONS,
    "checkboxes": CHECKBOXES,
}
_TYPED: dict[str, Rule] = {"plain_text_input": PLAIN_TEXT_INPUT, "email_text_input": EMAIL_TEXT_INPUT}

IN_ACTIONS = by_type(_CLICKED, what="element in actions")
_MULTI: dict[str, Rule] = {"multi_external_select": MULTI_EXTERNAL_SELECT}
"""Not beside buttons: Slack takes these in sections and inputs only."""
IN_SECTION = by_type({**_CLICKED, **_MULTI, "image": IMAGE_ELEMENT}, what="accessory")
IN_INPUT = by_type(
    {
        kind: rule
        for kind, rule in {**_CLICKED, **_MULTI, **_TYPED}.items()
        if kind not in {"button", "overflow"}
    },
    what="element in input",
)
IN_CONTEXT = by_type(
    {"image": IMAGE_ELEMENT, "plain_text": any_text(3000), "mrkdwn": any_text(3000)},
    what="element in context",
)
