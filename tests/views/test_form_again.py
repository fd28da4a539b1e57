"""A form drawn once more from what Slack says of it: as it was filled in, whatever Slack may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views.modals import connect_modal, form_again, take_over_modal
from sandbox.slack import validate_view
from tests.views.samples import EN, LANGUAGES, a_team_channel

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SELECTED = {
    "multi_external_select": (
        "selected_options",
        "initial_options",
        [{"text": "A", "value": "a"}],
    ),
    "static_select": ("selected_option", "initial_option", {"text": "A", "value": "a"}),
    "radio_buttons": ("selected_option", "initial_option", {"text": "A", "value": "a"}),
    "checkboxes": ("selected_options", "initial_options", [{"text": "A", "value": "a"}]),
    "users_select": ("selected_user", "initial_user", "U0ANN"),
    "multi_users_select": ("selected_users", "initial_users", ["U0ANN", "U0BOB"]),
    "conversations_select": ("selected_conversation", "initial_conversation", "C0SUPPORT"),
    "plain_text_input": ("value", "initial_value", "typed"),
}


def a_form(element: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    block = {
        "type": "input",
        "block_id": "b",
        "label": {"type": "plain_text", "text": "L"},
        "element": element,
    }
    return {
        "type": "modal",
        "submit": {"text": "Send"},
        "blocks": [block],
        "state": {"values": {"b": {"a": state}}},
    }


@pytest.mark.parametrize("kind", SELECTED)
def test_every_kind_of_field_begins_with_what_was_chosen(kind: str) -> None:
    """And one that was emptied begins empty, whatever it began with before."""
    where, begins, value = SELECTED[kind]
    element = {"type": kind, "action_id": "a", begins: "something else"}
    for said, expected in ((value, {begins: value}), (None, {})):
        drawn = form_again(EN, a_form(element, {"type": kind, where: said}), "Why")
        assert drawn is not None
        assert drawn["blocks"][1]["element"] == {"type": kind, "action_id": "a", **expected}


def test_a_field_that_slack_says_nothing_of_stays_as_it_was() -> None:
    """Not every view has a state for every element."""
    element = {"type": "plain_text_input", "action_id": "other", "initial_value": "kept"}
    drawn = form_again(EN, a_form(element, {}), "Why")
    assert drawn is not None and drawn["blocks"][1]["element"] == element


def test_our_forms_are_valid_once_more() -> None:
    """With the remark on top, once, however often it failed."""
    for lang in LANGUAGES:
        for view in (connect_modal(lang), take_over_modal(lang, a_team_channel())):
            once = form_again(lang, {**view, "state": {"values": {}}}, "Why")
            assert once is not None
            twice = form_again(lang, {**once, "state": {"values": {}}}, "Why")
            assert once == twice and validate_view(once) == []
            assert len(once["blocks"]) == len(view["blocks"]) + 1


@given(JSON, JSON, JSON)
def test_whatever_is_said_of_it_nothing_breaks(blocks: Any, values: Any, submit: Any) -> None:
    """A payload that is signed can still be odd; what is no form is none."""
    view = {"type": "modal", "submit": submit, "blocks": blocks, "state": {"values": values}}
    drawn = form_again(EN, view, "Why")
    assert (drawn is None) == (not submit or not isinstance(blocks, list))
    assert form_again(EN, {"type": "home", "blocks": []}, "Why") is None
