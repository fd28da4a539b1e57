"""Every view is one that Slack takes, in both languages, whatever people typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bot.domain.channel import State
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from sandbox.slack.validate import validate_message, validate_view
from tests.views.gallery import about, answers, everything, overviews
from tests.views.hubspot_gallery import hubspot
from tests.views.ids import ACTIONS, CALLBACKS
from tests.views.samples import HOSTILE, LANGUAGES, NOW, a_channel, a_row, an_overview, in_state, many_rows

CODES = [lang.code for lang in LANGUAGES]


@cache
def drawn(lang: Language) -> tuple[tuple[str, dict[str, Any]], ...]:
    """All there are, drawn once: the tests only look at them."""
    return tuple(everything(lang))


def problems(view: dict[str, Any]) -> list[str]:
    return validate_view(view) if "type" in view else validate_message(view)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a view."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


def clickable(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever Slack reports at once when it is pressed or chosen: all but a form's fields."""
    for block in view["blocks"]:
        yield from (part for part in block.get("elements", []) if "action_id" in part)
        if "action_id" in block.get("accessory", {}):
            yield block["accessory"]
        if block.get("dispatch_action"):
            yield block["element"]


def primaries(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in parts(view) if part.get("style") == "primary"]


@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_slack_takes_every_view(lang: Language) -> None:
    """No view breaks a limit or a rule of Slack's."""
    assert {name: found for name, view in drawn(lang) if (found := problems(view))} == {}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_slack_takes_every_view_of_a_hostile_channel(lang: Language, text: str) -> None:
    """Whatever stands in an address, a name or a use, the view stays valid."""
    channel = a_channel(address=text, name=text, use=text)
    views = [*about(lang, channel), *answers(lang, text)]
    assert {name: found for name, view in views if (found := problems(view))} == {}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_slack_takes_what_a_hostile_portal_says(lang: Language, text: str) -> None:
    """Names and addresses come from HubSpot, and people write them there."""
    assert {name: found for name, view in hubspot(lang, text) if (found := problems(view))} == {}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_five_hundred_hostile_channels_still_fit(lang: Language, text: str) -> None:
    """The longest texts on the most channels stay within a message and within Home."""
    rows = tuple(a_row(replace(row.channel, address=text, name=text), is_own=False) for row in many_rows(500))
    overview = an_overview(team=rows)
    assert problems(home(lang, overview)) == []
    assert problems(overview_message(lang, overview, now=NOW)) == []


@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_every_id_that_is_emitted_is_announced(lang: Language) -> None:
    """Whoever listens to ``ACTIONS`` and ``CALLBACKS`` misses no click."""
    actions: set[str] = set()
    callbacks: set[str] = set()
    for _, view in drawn(lang):
        actions |= {part["action_id"] for part in clickable(view)}
        callbacks |= {view["callback_id"]} if "callback_id" in view else set()
    assert actions == ACTIONS
    assert callbacks == CALLBACKS


@pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)
def test_at_most_one_button_stands_out(lang: Language) -> None:
    """A tired reader sees the one thing to do next."""
    assert {name for name, view in drawn(lang) if len(primaries(view)) > 1} == set()


def test_labels_are_short_enough_to_be_read_whole() -> None:
    """Slack shows about thirty characters of a button and refuses titles over twenty-four."""
    for lang in LANGUAGES:
        for name, view in drawn(lang):
            labels = [part["text"]["text"] for part in parts(view) if part.get("type") == "button"]
            titles = [view[key]["text"] for key in ("title", "submit", "close") if key in view]
            assert all(len(label) <= 30 for label in labels), name
            cut = [title for title in titles if len(title) == 24 and title.endswith("…")]
            assert cut == [], name


def test_both_languages_draw_the_same_views() -> None:
    """A language changes words, never what can be done."""
    english, japanese = (
        {
            name: [part["action_id"] for part in parts(view) if "action_id" in part]
            for name, view in drawn(lang)
            if "five hundred" not in name  # there, how many rows fit depends on the words
        }
        for lang in LANGUAGES
    )
    assert english == japanese


@pytest.mark.parametrize("case", [case for case, _ in overviews()])
def test_an_overview_says_how_many_it_could_not_show(case: str) -> None:
    """What is shown and what is counted as more add up to what there is, unless so many are not counted."""
    overview = dict(overviews())[case]
    total = overview.tally.total
    if overview.tally.is_open:
        return
    pages = home(LANGUAGES[0], overview), overview_message(LANGUAGES[0], overview, now=NOW)
    for view in pages if overview.browse.is_plain else ():
        texts = [part["text"] for part in parts(view["blocks"]) if isinstance(part.get("text"), str)]
        shown = sum(" since <!date" in text for text in texts)
        more = [int(text.split()[1].replace(",", "")) for text in texts if text.startswith("and ")]
        of = [text.split()[-3:] for text in texts if text.startswith("Inboxes 1 to ")]
        assert (shown + sum(more) == total) or of == [[str(shown), "of", f"{total:,}"]]


def test_trouble_is_listed_first() -> None:
    """Whoever looks finds what needs them at the top."""
    view = overview_message(LANGUAGES[0], an_overview(team=many_rows(8)), now=NOW)
    texts = [part["text"] for part in parts(view["blocks"]) if isinstance(part.get("text"), str)]
    marks = [mark for text in texts for mark in "🔴🟡🟢⚪" if f"{mark} " in text and "since" in text]
    assert marks == sorted(marks, key="🔴🟡🟢⚪".index)


def test_a_disabled_inbox_is_a_grey_line() -> None:
    """It is there, quietly, and can be enabled."""
    view = home(LANGUAGES[0], an_overview(own=(in_state(State.DISABLED),)))
    grey = [
        block for block in view["blocks"] if block["type"] == "context" and "Disabled since" in str(block)
    ]
    assert len(grey) == 1
    assert "channel.enable" in str(view["blocks"])
