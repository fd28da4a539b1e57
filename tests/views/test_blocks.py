"""What people typed stays text: in mrkdwn, in buttons' values, within limits."""

from __future__ import annotations

import re
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import ChannelId
from bot.views.blocks import (
    escape,
    fitting,
    inert,
    instant,
    link,
    mention,
    parse_value,
    quoted,
    section,
    value_of,
)
from bot.views.text import clip, shown
from sandbox.slack.mrkdwn import problems_in, unescape
from sandbox.slack.validate import validate_message
from tests.views.samples import EN, HOSTILE, JA, NOW, a_channel

MARKS = "<>&*_~`:@|! \nabc\u202e\u05e9😀{}"
hostile = st.one_of(st.text(), st.text(alphabet=MARKS), st.sampled_from(HOSTILE))


@given(hostile)
def test_escaped_text_has_no_meaning_to_slack(text: str) -> None:
    """No mention, link, date, format, emoji name or quote can be smuggled in."""
    safe = escape(text)
    assert problems_in(safe) == []
    assert not re.search(r"[<>*~`\n]", safe)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", safe)
    assert not re.search(r":[\w+'-]+:", safe)
    assert not re.search(r"(?<![\w.+-])@(channel|here|everyone)\b", safe)


@given(hostile, st.integers(min_value=1, max_value=120))
def test_shown_text_is_one_short_line(text: str, limit: int) -> None:
    """Neither control nor direction characters, nor more than what fits."""
    line = shown(text, limit).removeprefix("\u2068").removesuffix("\u2069")
    assert len(line) <= limit
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff\n]", line)


@given(hostile)
def test_any_text_makes_a_valid_message(text: str) -> None:
    """Whatever is typed, Slack takes the block that shows it."""
    said = inert(text) or "–"
    assert validate_message({"text": said, "blocks": [section(said)]}) == []


@pytest.mark.parametrize(
    "address",
    ["first_last@example.com", "a.b+c@example.com", "o'neil@example.com", "x@here.com", "名前@例え.jp"],
)
def test_ordinary_addresses_are_shown_as_they_are(address: str) -> None:
    """They must survive being copied out of Slack."""
    assert inert(address) == address


def test_escaping_loses_nothing_that_can_be_kept() -> None:
    """Slack decodes three entities and nothing else."""
    assert unescape(escape("R&D <sales> 1 > 0")) == "R&D <sales> 1 > 0"


def test_right_to_left_text_is_isolated() -> None:
    """It may not turn the sentence around it."""
    assert shown("שלום") == "\u2068שלום\u2069"
    assert shown("plain") == "plain"


def test_a_long_text_says_that_it_is_cut() -> None:
    """An ellipsis stands where something is missing."""
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


@given(st.text())
def test_only_ids_become_mentions(text: str) -> None:
    """A Slack id is a person; anything else is text."""
    said = mention(text)
    assert said.startswith("<@") == bool(re.fullmatch(r"[UW][A-Z0-9]{1,30}", text))
    assert problems_in(said) == []


def test_instants_are_in_the_readers_own_time_zone() -> None:
    """Slack renders them; the fallback names UTC."""
    assert instant(EN, NOW) == "<!date^1795442700^{date_short_pretty} {time}|23 Nov 2026, 14:05 UTC>"
    assert problems_in(instant(JA, NOW)) == []


def test_a_link_cannot_be_given_a_false_label() -> None:
    """A bar or bracket in an address would end it early."""
    assert link("https://x.example/?a=1&b=2|c>", "Open") == "<https://x.example/?a=1&amp;b=2%7Cc%3E|Open>"


@given(st.text("ABCxyz019-_", min_size=1))
def test_an_address_to_pass_on_keeps_every_character(state: str) -> None:
    """It carries a secret in base 64, and two underscores in a row must not become look-alikes."""
    address = f"https://login.example/adminconsent?client_id=1&state={state}"
    [line] = quoted([address])
    assert unescape(line.removeprefix("> <").removesuffix(">")) == address


def test_a_button_carries_its_channel_and_version() -> None:
    """What ``value_of`` writes, ``parse_value`` reads."""
    assert parse_value(value_of(a_channel())) == (ChannelId("c1"), 3)


@given(st.text())
def test_garbage_in_a_button_is_no_channel(text: str) -> None:
    """Old, forged or mangled values are ``None``, never an error."""
    found = parse_value(text)
    assert found is None or text == f"{found[0]}:{text.rpartition(':')[2]}"


@pytest.mark.parametrize(
    "value", ["", ":", "c1", "c1:", ":3", "c1:-1", "c1:３", "c1:3:4", "c1:3\n", "c1:9999999999"]
)
def test_what_is_not_a_value_is_refused(value: str) -> None:
    """The cases that a lenient parser would let through."""
    assert parse_value(value) is None


def test_no_more_lines_are_worded_than_there_is_room_for() -> None:
    """A list of thousands costs as much as the fifty that are shown."""
    lines = (f"{number:09}" for number in count())
    assert len(fitting(lines, 1_000)) == 100
    assert next(lines) == "000000101"
