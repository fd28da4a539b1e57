"""Slack's guidelines for the design of apps, as far as a machine can hold them: over every view there is.

https://docs.slack.dev/surfaces/app-design and https://docs.slack.dev/block-kit/designing-with-block-kit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

import pytest

from bot.views.i18n import Language
from tests.views.samples import JA, LANGUAGES
from tests.views.test_pages import every_page
from tests.views.test_surfaces import CODES, drawn, parts, primaries

PROSE: Final = 300
"""Characters from which on a section is a paragraph to read, and no line to see."""
_PROSE_AT_MOST: Final = 3
_NOT_WORDS: Final = re.compile(r"<!date[^>]*>|<@\w+>|[^\w]")
_GENERIC: Final = {"", "inboxkeeper", "notification", "message", "update", "お知らせ", "通知"}
_SHORTEST: Final = 6

each_language = pytest.mark.parametrize("lang", LANGUAGES, ids=CODES)


def is_message(view: dict[str, Any]) -> bool:
    return "type" not in view


@each_language
def test_one_thing_stands_out(lang: Language) -> None:
    """One green button; in a dialog that can be sent off, that is the one at its foot."""
    many = {name for name, view in drawn(lang) if len(primaries(view)) + ("submit" in view) > 1}
    assert many == set()


@each_language
def test_nothing_is_a_wall_of_text(lang: Language) -> None:
    """A few paragraphs at most; what is longer stands in lists, or behind a button."""
    walls = {
        name: len(prose)
        for name, view in drawn(lang)
        if len(prose := [it for it in view["blocks"] if _is_prose(it)]) > _PROSE_AT_MOST
    }
    assert walls == {}


def _is_prose(block: dict[str, Any]) -> bool:
    """A section that is read from its first word to its last: no row of a list, no quotation to send on."""
    text = block.get("text", {}).get("text", "") if block["type"] == "section" else ""
    is_list = text.count("\n") > 2 or text.startswith(">")
    return "accessory" not in block and not is_list and len(text) > PROSE


@each_language
def test_a_lock_screen_says_what_it_is_about(lang: Language) -> None:
    """The text beside the blocks is all that a notification and a screen reader have."""
    empty = {
        name: view["text"]
        for name, view in drawn(lang)
        if is_message(view) and not _says_something(view["text"])
    }
    assert empty == {}


def _says_something(text: str) -> bool:
    words = _NOT_WORDS.sub("", text).strip().casefold()
    return words not in _GENERIC and (len(words) >= _SHORTEST or not words.isascii())


@each_language
def test_every_image_has_words(lang: Language) -> None:
    """For whoever does not see it."""
    images = [part for _, view in drawn(lang) for part in parts(view) if part.get("type") == "image"]
    assert all(part.get("alt_text", "").strip() for part in images)


@each_language
def test_buttons_that_look_alike_are_read_out_apart(lang: Language) -> None:
    """Ten times *Reconnect* says nothing to whoever does not see the row that each stands in."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name, view in drawn(lang):
        buttons = [part for part in parts(view) if part.get("type") == "button"]
        heard = Counter(it.get("accessibility_label", it["text"]["text"]) for it in buttons)
        # What is about nothing in particular may stand on its own once.
        alike[name] += [label for label, number in heard.items() if number > 1 and ":" not in label]
    alike = defaultdict(list, {name: labels for name, labels in alike.items() if labels})
    assert alike == {}


_LETTER: Final = "[ぁ-ヿ一-鿿々]"
_ILL_SET: Final = re.compile(
    "[。、：；（「] | [。、：；）」]"  # nothing stands beside punctuation that is as wide as a letter
    f"|[）」] {_LETTER}|{_LETTER} +{_LETTER}"
    f"|{_LETTER}[.,:;!?()]"
)
_GAP: Final = re.compile(r"[\w.,:;'] {2,}\w|\w [.,;:]( |$)|[^.]\.\.( |$)|,\.")
_TAGS: Final = re.compile("<[^>]*>")
_USER_GROUP: Final = "ユーザーグループ"
"""Its name is Slack's to give, and is empty in one of the samples."""


def lines(lang: Language) -> Iterator[str]:
    """All that is read on any view or page, line by line; what only a screen reader says is not among it."""
    for _, view in drawn(lang):
        for part in parts(view):
            yield from part["text"].split("\n") if isinstance(part.get("text"), str) else ()
    for page in every_page(lang):
        yield from unescape(_TAGS.sub("\n", page)).split("\n")


def test_japanese_is_set_as_japanese() -> None:
    """Where sentences and names are put together: no blank as English has it, no half-width punctuation."""
    assert {line for line in lines(JA) if _ILL_SET.search(line) and _USER_GROUP not in line} == set()


@each_language
def test_no_sentence_has_a_gap(lang: Language) -> None:
    """Two blanks are where a name was missing; a comma or full stop stands at its word."""
    assert {line for line in lines(lang) if _GAP.search(line) and _USER_GROUP not in line} == set()
