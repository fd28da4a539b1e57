"""Block Kit as the local Slack understands it: a closed set of blocks, each with every limit.

A rule looks at one value and its JSON pointer, and writes into a report; shapes of texts, of elements and of
blocks are put together from rules. Rule: an unknown key is a problem, never ignored.

Source for charts (bars, lines and areas over categories; only messages show them, and at most two each):
docs.slack.dev/reference/block-kit/blocks/data-visualization-block, as of November 2026. Pies are not in the
sandbox, since nothing draws one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.mrkdwn import problems_in

Json = dict[str, Any]


@dataclass
class Report:
    """Collects problems, and what can only be judged once the whole surface is known."""

    surface: str
    problems: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    focused: int = 0
    characters: int = 0
    charts: int = 0

    def fail(self, pointer: str, what: str) -> None:
        self.problems.append(f"[ERROR] {what} [json-pointer:{pointer}]")


Rule = Callable[[Any, str, Report], None]


@dataclass(frozen=True)
class Shape:
    """An object's keys. `also` judges what single keys cannot tell."""

    required: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)
    also: Rule | None = None

    def __call__(self, value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.fail(pointer, "must be an object")
            return
        for key in self.required.keys() - value.keys():
            report.fail(pointer, f"missing required field: {key}")
        for key, item in value.items():
            rule = self.required.get(key) or self.optional.get(key)
            if rule is None:
                report.fail(f"{pointer}/{key}", "unknown field")
            else:
                rule(item, f"{pointer}/{key}", report)
        if self.also is not None:
            self.also(value, pointer, report)


def string(limit: int, *, least: int = 1) -> Rule:
    def check(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, str):
            report.fail(pointer, "must be a string")
        elif len(value) < least:
            report.fail(pointer, f"must be more than {least - 1} characters")
        elif len(value) > limit:
            report.fail(pointer, f"must be less than {limit + 1} characters")

    return check


def one_of(*choices: str) -> Rule:
    def check(value: Any, pointer: str, report: Report) -> None:
        if value not in choices:
            report.fail(pointer, f"must be one of: {', '.join(choices)}")

    return check


def boolean(value: Any, pointer: str, report: Report) -> None:
    if not isinstance(value, bool):
        report.fail(pointer, "must be a boolean")


def integer(least: int, most: int) -> Rule:
    def check(value: Any, pointer: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            report.fail(pointer, "must be an integer")
        elif not least <= value <= most:
            report.fail(pointer, f"must be between {least} and {most}")

    return check


def url(limit: int = 3000) -> Rule:
    length = string(limit)

    def check(value: Any, pointer: str, report: Report) -> None:
        length(value, pointer, report)
        if isinstance(value, str) and not value.startswith(("https://", "http://", "mailto:")):
            report.fail(pointer, "invalid url")

    return check


def list_of(rule: Rule, *, least: int = 1, most: int) -> Rule:
    def check(value: Any, pointer: str, report: Report) -> None:
        if not isinstance(value, list):
            report.fail(pointer, "must be an array")
            return
        if len(value) < least:
            report.fail(pointer, f"no fewer than {least} items allowed")
        if len(value) > most:
            report.fail(pointer, f"no more than {most} items allowed")
        for index, item in enumerate(value):
            rule(item, f"{pointer}/{index}", report)

    return check


def _by_type(shapes: Mapping[str, Rule], *, what: str) -> Rule:
    """Chooses the shape by the object's `type`; a type outside the table is a problem."""

    def check(value: Any, pointer: str, report: Report) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        shape = shapes.get(kind) if isinstance(kind, str) else None
        if shape is None:
            report.fail(f"{pointer}/type", f"unsupported {what}: {kind}")
        else:
            shape(value, pointer, report)

    return check


def typed(
    kind: str,
    required: Mapping[str, Rule],
    optional: Mapping[str, Rule] | None = None,
    *,
    also: Rule | None = None,
) -> Shape:
    return Shape({"type": one_of(kind), **required}, optional or {}, also)


def _counted(rule: Rule) -> Rule:
    def check(value: Any, pointer: str, report: Report) -> None:
        rule(value, pointer, report)
        if isinstance(value, str):
            report.characters += len(value)

    return check


def _markup(limit: int) -> Rule:
    length = string(limit)

    def check(value: Any, pointer: str, report: Report) -> None:
        length(value, pointer, report)
        if isinstance(value, str):
            for problem in problems_in(value):
                report.fail(pointer, problem)

    return check


def plain(limit: int) -> Rule:
    return _by_type({"plain_text": _plain_shape(limit)}, what="text object here")


def _plain_shape(limit: int) -> Rule:
    return typed("plain_text", {"text": _counted(string(limit))}, {"emoji": boolean})


def _any_text(limit: int) -> Rule:
    marked = typed("mrkdwn", {"text": _counted(_markup(limit))}, {"verbatim": boolean})
    return _by_type({"plain_text": _plain_shape(limit), "mrkdwn": marked}, what="text object")


def option(*, marked: bool = False, with_url: bool = False) -> Rule:
    text = _any_text(75) if marked else plain(75)
    optional: dict[str, Rule] = {"description": text}
    if with_url:
        optional["url"] = url()
    return Shape({"text": text, "value": string(75)}, optional)


confirm: Rule = Shape(
    {"title": plain(100), "text": _any_text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


_ACTION_ID = string(255)


def _focus(value: Any, pointer: str, report: Report) -> None:
    boolean(value, pointer, report)
    if value is True:
        report.focused += 1
        if report.focused > 1:
            report.fail(pointer, "only one element may have focus_on_load")


_ID: dict[str, Rule] = {"action_id": _ACTION_ID}
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

_BUTTON = typed(
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
_OVERFLOW = typed(
    "overflow", {"options": list_of(option(with_url=True), most=5)}, {**_ID, "confirm": confirm}
)
_STATIC_SELECT = typed(
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
_USERS_SELECT = typed("users_select", {}, {**_SELECT, "initial_user": string(20)})
_CONVERSATIONS_SELECT = typed(
    "conversations_select",
    {},
    {
        **_SELECT,
        "initial_conversation": string(20),
        "default_to_current_conversation": boolean,
        "filter": _FILTER,
    },
)
_MOST_OPTIONS = 100


def _initial_fit(element: Json, pointer: str, report: Report) -> None:
    most, initial = element.get("max_selected_items"), element.get("initial_options")
    if isinstance(most, int) and isinstance(initial, list) and len(initial) > most:
        report.fail(f"{pointer}/initial_options", "no more than max_selected_items allowed")


_MULTI_EXTERNAL_SELECT = typed(
    "multi_external_select",
    {},
    {
        **_SELECT,
        "min_query_length": integer(0, 255),
        "max_selected_items": integer(1, 1000),
        "initial_options": list_of(option(), most=_MOST_OPTIONS),
    },
    also=_initial_fit,
)
SUGGESTED = Shape({"options": list_of(option(), least=0, most=_MOST_OPTIONS)})
SUGGESTED_GROUPS = Shape({"option_groups": list_of(_GROUP, least=0, most=_MOST_OPTIONS)})
"""What may answer whoever types into an external select: one of the two."""
_RADIO_BUTTONS = typed(
    "radio_buttons",
    {"options": list_of(option(marked=True), most=10)},
    {**_CHOICE, "initial_option": option(marked=True)},
    also=_initial_among("initial_option"),
)
_CHECKBOXES = typed(
    "checkboxes",
    {"options": list_of(option(marked=True), most=10)},
    {**_CHOICE, "initial_options": list_of(option(marked=True), most=10)},
    also=_initial_among("initial_options"),
)
_PLAIN_TEXT_INPUT = typed(
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
_EMAIL_TEXT_INPUT = typed(
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
_IMAGE_ELEMENT = typed("image", {"image_url": url(), "alt_text": string(2000)})

_CLICKED: dict[str, Rule] = {
    "button": _BUTTON,
    "overflow": _OVERFLOW,
    "static_select": _STATIC_SELECT,
    "users_select": _USERS_SELECT,
    "conversations_select": _CONVERSATIONS_SELECT,
    "radio_buttons": _RADIO_BUTTONS,
    "checkboxes": _CHECKBOXES,
}
_TYPED: dict[str, Rule] = {"plain_text_input": _PLAIN_TEXT_INPUT, "email_text_input": _EMAIL_TEXT_INPUT}

_IN_ACTIONS = _by_type(_CLICKED, what="element in actions")
_MULTI: dict[str, Rule] = {"multi_external_select": _MULTI_EXTERNAL_SELECT}
"""Not beside buttons: Slack takes these in sections and inputs only."""
_IN_SECTION = _by_type({**_CLICKED, **_MULTI, "image": _IMAGE_ELEMENT}, what="accessory")
_IN_INPUT = _by_type(
    {
        kind: rule
        for kind, rule in {**_CLICKED, **_MULTI, **_TYPED}.items()
        if kind not in {"button", "overflow"}
    },
    what="element in input",
)
_IN_CONTEXT = _by_type(
    {"image": _IMAGE_ELEMENT, "plain_text": _any_text(3000), "mrkdwn": _any_text(3000)},
    what="element in context",
)


_CHARTS_IN_MESSAGE = 2
_LABEL = 20
_AXIS = 50


def _number(value: Any, pointer: str, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.fail(pointer, "must be a number")


def _fits_categories(chart: Json, pointer: str, report: Report) -> None:
    """Each series has one point for each category, and no two have one name."""
    axis, series = chart.get("axis_config"), chart.get("series")
    if not isinstance(axis, dict) or not isinstance(series, list):
        return
    names = [one.get("name") for one in series if isinstance(one, dict)]
    if len(set(names)) < len(names):
        report.fail(f"{pointer}/series", "duplicate series name")
    categories = axis.get("categories")
    for index, one in enumerate(series):
        data = one.get("data") if isinstance(one, dict) else None
        labels = [point.get("label") for point in data or [] if isinstance(point, dict)]
        if not isinstance(categories, list) or sorted(map(str, labels)) != sorted(map(str, categories)):
            report.fail(f"{pointer}/series/{index}/data", "must have one point for each category")


_POINT = Shape({"label": string(_LABEL), "value": _number})
_SERIES = Shape({"name": string(_LABEL), "data": list_of(_POINT, most=20)})
_AXES = Shape(
    {"categories": list_of(string(_LABEL), most=20)}, {"x_label": string(_AXIS), "y_label": string(_AXIS)}
)


def _over_categories(kind: str) -> Rule:
    return typed(kind, {"series": list_of(_SERIES, most=6), "axis_config": _AXES}, also=_fits_categories)


def _in_message(block: Json, pointer: str, report: Report) -> None:
    report.charts += 1
    if report.surface != "message":
        report.fail(pointer, f"unsupported block in {report.surface}: data_visualization")
    elif report.charts > _CHARTS_IN_MESSAGE:
        report.fail(pointer, f"no more than {_CHARTS_IN_MESSAGE} charts in a message")


def _chart_block(identified: dict[str, Rule]) -> Rule:
    kinds = {kind: _over_categories(kind) for kind in ("bar", "line", "area")}
    wanted = {"title": string(50), "chart": _by_type(kinds, what="chart")}
    return typed("data_visualization", wanted, identified, also=_in_message)


def _block_id(value: Any, pointer: str, report: Report) -> None:
    string(255)(value, pointer, report)
    if isinstance(value, str):
        if value in report.block_ids:
            report.fail(pointer, f"duplicate block_id: {value}")
        report.block_ids.add(value)


_BLOCK_ID: dict[str, Rule] = {"block_id": _block_id}


def _says_something(block: Json, pointer: str, report: Report) -> None:
    if "text" not in block and "fields" not in block:
        report.fail(pointer, "missing required field: text or fields")


def _distinct_actions(block: Json, pointer: str, report: Report) -> None:
    elements = block.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str) and action_id in seen:
            report.fail(f"{pointer}/elements/{index}/action_id", f"duplicate action_id: {action_id}")
        elif isinstance(action_id, str):
            seen.add(action_id)


def _counted_text(value: Any, pointer: str, report: Report) -> None:
    string(3000)(value, pointer, report)
    report.characters += len(value) if isinstance(value, str) else 0


_STYLE = Shape({}, {"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean})
_STYLED: dict[str, Rule] = {"style": _STYLE}
_INLINE = _by_type(
    {
        "text": typed("text", {"text": _counted_text}, _STYLED),
        "link": typed("link", {"url": url()}, {"text": _counted_text, "unsafe": boolean, **_STYLED}),
        "emoji": typed("emoji", {"name": string(100)}, {"unicode": string(100), **_STYLED}),
        "user": typed("user", {"user_id": string(20)}, _STYLED),
        "channel": typed("channel", {"channel_id": string(20)}, _STYLED),
        "usergroup": typed("usergroup", {"usergroup_id": string(20)}, _STYLED),
        "date": typed(
            "date",
            {"timestamp": integer(0, 2**40), "format": string(200)},
            {"url": url(), "fallback": string(300)},
        ),
    },
    what="rich text element",
)
_LINE = typed("rich_text_section", {"elements": list_of(_INLINE, least=0, most=1000)})
_PREFORMATTED = typed(
    "rich_text_preformatted",
    {"elements": list_of(_INLINE, least=0, most=1000)},
    {"border": integer(0, 1), "language": string(50)},
)
_QUOTE = typed(
    "rich_text_quote", {"elements": list_of(_INLINE, least=0, most=1000)}, {"border": integer(0, 1)}
)
_LIST = typed(
    "rich_text_list",
    {"style": one_of("bullet", "ordered"), "elements": list_of(_LINE, most=200)},
    {"indent": integer(0, 8), "offset": integer(0, 10_000), "border": integer(0, 1)},
)

_BLOCKS: dict[str, Rule] = {
    "section": typed(
        "section",
        {},
        {
            **_BLOCK_ID,
            "text": _any_text(3000),
            "fields": list_of(_any_text(2000), most=10),
            "accessory": _IN_SECTION,
            "expand": boolean,
        },
        also=_says_something,
    ),
    "header": typed("header", {"text": plain(150)}, _BLOCK_ID),
    "context": typed("context", {"elements": list_of(_IN_CONTEXT, most=10)}, _BLOCK_ID),
    "actions": typed(
        "actions", {"elements": list_of(_IN_ACTIONS, most=25)}, _BLOCK_ID, also=_distinct_actions
    ),
    "data_visualization": _chart_block(_BLOCK_ID),
    "divider": typed("divider", {}, _BLOCK_ID),
    "image": typed(
        "image", {"image_url": url(), "alt_text": string(2000)}, {**_BLOCK_ID, "title": plain(2000)}
    ),
    "input": typed(
        "input",
        {"label": plain(2000), "element": _IN_INPUT},
        {**_BLOCK_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": typed(
        "rich_text",
        {
            "elements": list_of(
                _by_type(
                    {
                        "rich_text_section": _LINE,
                        "rich_text_preformatted": _PREFORMATTED,
                        "rich_text_quote": _QUOTE,
                        "rich_text_list": _LIST,
                    },
                    what="rich text",
                ),
                most=100,
            )
        },
        _BLOCK_ID,
    ),
}
BLOCK = _by_type(_BLOCKS, what="block")
