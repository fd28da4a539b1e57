"""The catalogues are complete, true to the code, and fill the same placeholders in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bot.views.i18n import CODES, DOMAIN, LOCALES, language_for
from bot.views.wording.causes import counted
from tests.views.samples import EN, JA, NOW

VIEWS = Path(__file__).resolve().parents[2] / "bot" / "views"
Ids = tuple[str, ...]


def catalogue(code: str) -> Catalog:
    with (LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        return read_po(source, locale=code)


def forms(text: str | Ids | list[str] | None) -> Ids:
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def messages(code: str) -> list[Message]:
    return [message for message in catalogue(code) if message.id]


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "lang.say",
            "lang.count",
            "self.say",
            "self.count",
        }:
            yield node


def said_in_code() -> set[Ids]:
    found: set[Ids] = set()
    for path in VIEWS.rglob("*.py"):
        for call in calls(ast.parse(path.read_text("utf-8"))):
            wanted = 2 if isinstance(call.func, ast.Attribute) and call.func.attr == "count" else 1
            texts = [arg.value for arg in call.args[:wanted] if isinstance(arg, ast.Constant)]
            assert len(texts) == wanted, f"{path.name}:{call.lineno}: a sentence must be a literal"
            found.add(tuple(str(text) for text in texts))
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_exactly_what_the_code_says(code: str) -> None:
    """A sentence that is added, changed or dropped must be so in the catalogues too."""
    assert {forms(message.id) for message in messages(code)} == said_in_code()


def test_nothing_is_missing_or_doubtful_in_japanese() -> None:
    """Every sentence is translated, and no translation waits for a second look."""
    assert [m.id for m in messages("ja") if m.fuzzy or not all(forms(m.string))] == []
    assert not list(catalogue("ja").obsolete)


def test_translations_fill_the_same_placeholders() -> None:
    """A placeholder that one language lacks would show or crash."""
    wrong = [
        m.id
        for m in messages("ja")
        for text in forms(m.string)
        if placeholders(text) != placeholders(forms(m.id)[0])
    ]
    assert wrong == []


def test_both_forms_of_a_plural_fill_the_same_placeholders() -> None:
    """One inbox or many: the sentence says the same."""
    assert [ids for ids in said_in_code() if len({frozenset(placeholders(text)) for text in ids}) > 1] == []


def test_no_sentence_stands_inside_an_f_string() -> None:
    """Extraction does not look into f-strings on every Python version."""
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in VIEWS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr)
        for call in calls(node)
    ]
    assert hidden == []


def test_japanese_sounds_like_one_product() -> None:
    """The agreed words are used, in the polite form, with full-width punctuation."""
    text = "\n".join(form for m in messages("ja") for form in forms(m.string))
    for term in ("受信トレイ", "接続", "無効", "削除", "再接続", "権限", "管理者"):
        assert term in text
    assert JA.say("Yes, disable it") == "はい、無効にします"
    assert JA.say("Yes, remove inbox") == "はい、受信トレイを削除します"
    assert JA.say("Yes, delete") == "はい、削除"
    assert not any(mark in text for mark in ("である。", "だ。", ",", "?", "!", "受信箱", "インボックス"))


_FORMER = (
    "サインイン",
    "持ち主",
    "宛の",
    "接続中",
    "承諾",
    "スヌーズ",
    "メール サーバー",
    "その間に",
    "チームのアドレス",
)
"""Words that were replaced: each thing has one name."""


def test_japanese_has_one_word_for_one_thing() -> None:
    """A second word for the same thing would make people look for a difference."""
    found = [
        (word, form) for m in messages("ja") for form in forms(m.string) for word in _FORMER if word in form
    ]
    assert found == []


def test_japanese_has_no_half_width_punctuation() -> None:
    """Colons and brackets are as wide as the letters around them."""
    assert [form for m in messages("ja") for form in forms(m.string) if re.search(r"[():;]", form)] == []


_JAPANESE = r"[\u3041-\u309f\u30a1-\u30fa\u30fc\u4e00-\u9fff々]"
_LATIN = r"(?:[A-Za-z0-9]|\{(?!spans|others|language)[a-z_]+\})"
"""Latin letters, digits, and what is filled in, but for what is Japanese itself."""
_ENDS_IN_JAPANESE = r"\{(?:span|day|month)\}"
"""``5 分``, ``9月29日``: a digit at first, a Japanese unit at last."""


def test_latin_words_stand_apart_in_japanese() -> None:
    """Names and figures have a space on either side, everywhere or nowhere."""
    touching = re.compile(f"{_JAPANESE}{_LATIN}|(?!{_ENDS_IN_JAPANESE}){_LATIN}{_JAPANESE}")
    apart = re.compile(f"{_ENDS_IN_JAPANESE} {_JAPANESE}")
    assert [text for m in messages("ja") for text in forms(m.string) if apart.search(text)] == []
    assert [text for m in messages("ja") for text in forms(m.string) if touching.search(text)] == []


@pytest.mark.parametrize("locale", ["ja", "ja-JP", "ja_JP", "JA"])
def test_japanese_people_get_japanese(locale: str) -> None:
    """However Slack or a browser writes it."""
    assert language_for(locale).code == "ja"


@pytest.mark.parametrize("locale", ["en-US", "fr-FR", "jam", "", None, "../../etc", "ja" * 999])
def test_everybody_else_gets_english(locale: str | None) -> None:
    """And never an error."""
    assert language_for(locale).code == "en"


def test_values_are_never_read_as_placeholders() -> None:
    """What people type may contain braces."""
    assert EN.say("{address} was removed.", address="{company}") == "{company} was removed."


def test_one_and_many() -> None:
    """English counts, Japanese does not."""
    assert [EN.count("{n} inbox", "{n} inboxes", n) for n in (0, 1, 2)] == [
        "0 inboxes",
        "1 inbox",
        "2 inboxes",
    ]
    assert [JA.count("{n} inbox", "{n} inboxes", n) for n in (1, 2)] == ["1 件", "2 件"]


@pytest.mark.parametrize(
    ("minutes", "english", "japanese"),
    [
        (-5, "less than a minute", "1 分未満"),
        (0, "less than a minute", "1 分未満"),
        (1, "1 min", "1 分"),
        (60, "1 h", "1 時間"),
        (134, "2 h 14 min", "2 時間 14 分"),
        (1441, "1 day", "1 日"),
        (3061, "2 days 3 h", "2 日 3 時間"),
    ],
)
def test_spans_are_said_in_their_two_largest_units(minutes: int, english: str, japanese: str) -> None:
    """``2 h 14 min``: as exact as anybody wants to know."""
    assert EN.lasting(timedelta(minutes=minutes)) == english
    assert JA.lasting(timedelta(minutes=minutes)) == japanese


def test_instants_are_said_in_full() -> None:
    """Pages and fallbacks name the time zone."""
    assert EN.day_time(NOW) == "23 Nov 2026, 14:05 UTC"
    assert JA.day_time(NOW) == "2026年11月23日 14:05 UTC"


def test_numbers_and_brackets_are_written_as_each_language_does() -> None:
    """Thousands are set apart alike in both, or *10,000+* stands beside *2000*."""
    for lang, remark in ((EN, "Waiting for you (8)"), (JA, "Waiting for you（8）")):
        assert lang.bracketed("Waiting for you", 8) == remark
        assert "1,800" in lang.count("{n} more request", "{n} more requests", 1800)
        assert counted(2000) == "2,000"


def test_japanese_puts_no_blank_behind_a_bracket() -> None:
    """An address with its name in brackets stands before a particle in many sentences."""
    said = language_for("ja").say("{address} stopped working", address="support@example.com（Support）")
    assert said == "support@example.com（Support）が使えなくなりました"
    assert language_for("ja").say("{address}: connected again.", address="（a） › b").startswith("（a） › b")
