"""Every limit of Block Kit that the product could run into."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.slack import validate_message, validate_view
from tests.sandbox.slack_bot import a_form, a_list

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def marked(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": marked(text), **more}


def button(text: str = "Go", **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": "go", **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def options(count: int) -> list[Json]:
    return [{"text": plain(f"Option {n}"), "value": str(n)} for n in range(count)]


def chart(labels: list[str], *, kind: str = "bar", categories: list[str] | None = None, **more: Any) -> Json:
    data = [{"label": label, "value": n} for n, label in enumerate(labels)]
    axes = {"categories": labels if categories is None else categories}
    drawn = {"type": kind, "series": [{"name": "Hours", "data": data}], "axis_config": axes}
    return {"type": "data_visualization", "title": "Hours by week", "chart": drawn, **more}


CONFIRM = {"title": plain("t"), "text": marked("x"), "confirm": plain("y"), "deny": plain("n")}


def test_good_surfaces_pass() -> None:
    """No false alarm on what the tests' own bot shows."""
    assert validate_view(a_form()) == []
    assert validate_message(a_list()) == []


GOOD = {
    "bare ampersand, escaped": section("a &amp; b &lt;c&gt;"),
    "links, mentions, dates": section(
        "<https://x.example/?a=1&amp;b=2|here> <@U0ALICE> <#C0SALES> <!subteam^S0MAIL> "
        "<!date^1700000000^{date_short_pretty} at {time}|then> <mailto:a@b.example|a@b.example>"
    ),
    "chart": chart(["9 Nov", "16 Nov"]),
    "quote": section("> quoted\n&gt; quoted"),
    "rich text": {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "<any> & *thing*", "style": {"bold": True}}],
            }
        ],
    },
}


@pytest.mark.parametrize("block", GOOD.values(), ids=GOOD.keys())
def test_good_blocks_pass(block: Json) -> None:
    """What is well escaped is left alone."""
    assert validate_message({"text": "x", "blocks": [block]}) == []


def searched(**changes: Any) -> Json:
    return section("x", accessory={"type": "multi_external_select", **changes})


BAD: dict[str, tuple[Json, str]] = {
    "unknown block": ({"type": "table"}, "unsupported block"),
    "unknown key": (section("x", colour="red"), "unknown field"),
    "empty text": (section(""), "more than 0"),
    "long section": (section("x" * 3001), "less than 3001"),
    "empty section": ({"type": "section"}, "text or fields"),
    "eleven fields": ({"type": "section", "fields": [marked("x")] * 11}, "no more than 10"),
    "long field": ({"type": "section", "fields": [marked("x" * 2001)]}, "less than 2001"),
    "long header": ({"type": "header", "text": plain("x" * 151)}, "less than 151"),
    "marked header": ({"type": "header", "text": marked("x")}, "unsupported text object"),
    "eleven in context": ({"type": "context", "elements": [marked("x")] * 11}, "no more than 10"),
    "button in context": ({"type": "context", "elements": [button()]}, "unsupported element"),
    "26 actions": (actions(*[button(action_id=str(n)) for n in range(26)]), "no more than 25"),
    "same action twice": (actions(button(), button()), "duplicate action_id"),
    "long button": (actions(button("x" * 76)), "less than 76"),
    "long value": (actions(button(value="x" * 2001)), "less than 2001"),
    "button style": (actions(button(style="default")), "must be one of"),
    "long confirm": (actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)})), "less than 31"),
    "confirm without deny": (
        actions(button(confirm={k: v for k, v in CONFIRM.items() if k != "deny"})),
        "missing required field: deny",
    ),
    "six in overflow": (actions({"type": "overflow", "options": options(6)}), "no more than 5"),
    "101 options": (actions({"type": "static_select", "options": options(101)}), "no more than 100"),
    "search in actions": (actions({"type": "multi_external_select"}), "unsupported element"),
    "101 initial": (searched(initial_options=options(101)), "no more than 100"),
    "more than may be chosen": (
        searched(initial_options=options(2), max_selected_items=1),
        "max_selected_items",
    ),
    "options of a search": (searched(options=options(1)), "unknown field"),
    "negative query": (searched(min_query_length=-1), "min_query_length"),
    "long option": (
        actions({"type": "static_select", "options": [{"text": plain("x" * 76), "value": "v"}]}),
        "less than 76",
    ),
    "long option value": (
        actions({"type": "static_select", "options": [{"text": plain("x"), "value": "v" * 76}]}),
        "less than 76",
    ),
    "initial not offered": (
        actions({"type": "static_select", "options": options(2), "initial_option": options(3)[2]}),
        "must be one of the provided options",
    ),
    "eleven radios": (actions({"type": "radio_buttons", "options": options(11)}), "no more than 10"),
    "text input in actions": (actions({"type": "plain_text_input"}), "unsupported element"),
    "everybody": (section("<!channel> hi"), "mentions everybody"),
    "bare <": (section("a < b"), "unescaped"),
    "unknown token": (section("<script>"), "unknown token"),
    "bare &": (section("a & b"), "unescaped &"),
    "url scheme": (actions(button(url="javascript:alert(1)")), "invalid url"),
    "image without alt": ({"type": "image", "image_url": "https://x.example/i.png"}, "alt_text"),
    "broadcast in rich text": (
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "broadcast"}]}],
        },
        "unsupported rich text element",
    ),
    "long chart title": (chart(["a"], title="x" * 51), "less than 51"),
    "long category": (chart(["x" * 21]), "less than 21"),
    "21 categories": (chart([str(n) for n in range(21)]), "no more than 20"),
    "chart without a point": (chart(["a"], categories=["a", "b"]), "one point for each category"),
    "unknown chart": (chart(["a"], kind="pie"), "unsupported chart"),
    "not an object": ([], "unsupported block"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("block", "problem"), BAD.values(), ids=BAD.keys())
def test_bad_blocks_are_pointed_at(block: Json, problem: str) -> None:
    """One problem each, with its pointer."""
    problems = validate_message({"text": "x", "blocks": [block]})
    assert any(problem in line and "[json-pointer:/blocks/0" in line for line in problems), problems


def test_a_message_has_its_own_limits() -> None:
    """Fifty blocks, ten thousand characters, unique block ids, always a text."""
    assert "no more than 50" in validate_message({"text": "x", "blocks": [{"type": "divider"}] * 51})[0]
    long = [section("x" * 2900) for _ in range(4)]
    assert "msg_blocks_too_long" in validate_message({"text": "x", "blocks": long})[0]
    twice = [{"type": "divider", "block_id": "a"}] * 2
    assert "duplicate block_id" in validate_message({"text": "x", "blocks": twice})[0]
    assert "missing required field: text" in validate_message({"blocks": []})[0]
    assert "mentions everybody" in validate_message({"text": "<!here>"})[0]


VIEWS: dict[str, tuple[Json, str]] = {
    "no submit": ({"submit": None}, "submit"),
    "long title": ({"title": plain("x" * 25)}, "less than 25"),
    "long submit": ({"submit": plain("x" * 25)}, "less than 25"),
    "long metadata": ({"private_metadata": "x" * 3001}, "less than 3001"),
    "101 blocks": ({"blocks": [{"type": "divider"}] * 101}, "no more than 100"),
    "another type": ({"type": "sheet"}, "must be one of"),
    "too large": (
        {"blocks": [{"type": "section", "fields": [marked("あ" * 1500)] * 10}] * 6},
        "view_too_large",
    ),
}


@pytest.mark.parametrize(("change", "problem"), VIEWS.values(), ids=VIEWS.keys())
def test_views_have_their_limits(change: Json, problem: str) -> None:
    """Each broken once."""
    view = copy.deepcopy(a_form())
    for key, value in change.items():
        view.pop(key, None)
        if value is not None:
            view[key] = value
    assert any(problem in line for line in validate_view(view))


def test_home_has_no_submit() -> None:
    """Nor a title."""
    assert "unknown field" in validate_view({"type": "home", "blocks": [], "title": plain("x")})[0]


def test_charts_are_for_messages_and_two_at_most() -> None:
    """Home and modals cannot draw one."""
    [problem] = validate_view({"type": "home", "blocks": [chart(["a"])]})
    assert "unsupported block in home" in problem
    assert validate_message({"text": "x", "blocks": [chart(["a"])] * 2}) == []
    [problem] = validate_message({"text": "x", "blocks": [chart(["a"])] * 3})
    assert "no more than 2 charts" in problem
