"""What people type, and what is understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.commands import MOST_READ, WORDS, Verb, looks_like_address, understand

A = "ann@example.com"


@pytest.mark.parametrize(
    ("text", "verb", "rest"),
    [
        ("", Verb.LIST, ""),
        ("   ", Verb.LIST, ""),
        ("list", Verb.LIST, ""),
        ("LIST", Verb.LIST, ""),
        ("Help!", Verb.HELP, ""),
        (f"status {A}", Verb.STATUS, A),
        (f"status   {A}  please", Verb.STATUS, A),
        (f"status of {A}", Verb.STATUS, A),
        (A, Verb.STATUS, A),
        (f"{A} disable", Verb.DISABLE, A),
        (f"switch {A}", Verb.SWITCH, A),
        (f"切替　{A}", Verb.SWITCH, A),
        (f"切り替え {A}", Verb.SWITCH, A),
        (f"{A} 切替え", Verb.SWITCH, A),
        (f"delete {A}", Verb.REMOVE, A),
        (f"connect <mailto:{A}|{A}>", Verb.CONNECT, A),
        (f"connect <{A}>", Verb.CONNECT, A),
        (f"connect mailto:{A}", Verb.CONNECT, A),
        (f"connect “{A}”", Verb.CONNECT, A),
        (f'connect "{A}"', Verb.CONNECT, A),
        (f"connect\u00a0{A}", Verb.CONNECT, A),
        (f"connect\u3000{A}", Verb.CONNECT, A),
        ("connect ann＠example.com", Verb.CONNECT, A),
        ("ｃｏｎｎｅｃｔ　ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", Verb.CONNECT, A),
        (f"connect \u200b\u202e{A}\ufeff", Verb.CONNECT, A),
        (f"connect .<mailto:{A}|{A}>", Verb.CONNECT, f".{A}"),
        (f"connect x-<mailto:{A}|{A}>", Verb.CONNECT, f"x-{A}"),
        (f"connect <mailto:{A}|{A}>.uk", Verb.CONNECT, f"{A}.uk"),
        (f"connect <mailto:{A}|{A}>. Thanks", Verb.CONNECT, A),
        (f"接続<mailto:{A}|{A}>", Verb.CONNECT, A),
        (f"con\u200dnect {A}", Verb.CONNECT, A),
        ("connect ann@نامه\u200cای.example", Verb.CONNECT, "ann@نامه\u200cای.example"),
        ("connect o'brien@example.com", Verb.CONNECT, "o'brien@example.com"),
        ("connect o’brien@example.com", Verb.CONNECT, "o'brien@example.com"),
        (f"接続 {A}", Verb.CONNECT, A),
        (f"接続解除　{A}", Verb.DISCONNECT, A),
        (f"無効化 {A}", Verb.DISABLE, A),
        (f"有効 {A}", Verb.ENABLE, A),
        (f"削除 {A}", Verb.REMOVE, A),
        (f"再接続 {A}", Verb.RECONNECT, A),
        ("一覧", Verb.LIST, ""),
        ("permissions", Verb.PERMISSIONS, ""),
        (f"permission {A}", Verb.PERMISSIONS, A),
        (f"権限　{A}", Verb.PERMISSIONS, A),
        ("admins", Verb.ADMINS, ""),
        ("管理者", Verb.ADMINS, ""),
        ("ヘルプ", Verb.HELP, ""),
        ("ﾍﾙﾌﾟ", Verb.HELP, ""),
        (f"payload={A}", Verb.STATUS, f"payload={A}"),
        ("status nonsense here", Verb.STATUS, "nonsense here"),
    ],
)
def test_people_type_as_their_keyboards_let_them(text: str, verb: Verb, rest: str) -> None:
    """Width, quotes, links and invisible characters make no difference to what is meant."""
    typed = understand(text)
    assert (typed.verb, typed.rest) == (verb, rest)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("conect me", "connect"),
        ("disabel x", "disable"),
        ("lst", "list"),
        ("再接", "再接続"),
        ("xyzzy", None),
    ],
)
def test_an_unknown_verb_comes_with_the_nearest_one(text: str, nearest: str | None) -> None:
    """A slip of the finger is answered with what was probably meant, in the language it was typed in."""
    typed = understand(text)
    assert (typed.verb, typed.nearest) == (None, nearest)


def test_ten_thousand_characters_are_cut() -> None:
    """Nothing that long is an address: it is read in part and never repeated back whole."""
    typed = understand("x" * 10_000)
    assert typed.verb is None
    assert len(typed.word) < 100
    assert len(understand("status " + "y" * 10_000).rest) <= MOST_READ


@given(st.text(max_size=300))
def test_whatever_is_typed_is_understood_somehow(text: str) -> None:
    """Reading never fails, and either names a verb or says what it did not know."""
    typed = understand(text)
    assert typed.verb is not None or typed.word


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(["", " ", "\u3000", "\u00a0", "\t"]))
def test_every_word_is_understood(word: str, space: str) -> None:
    """Each synonym means its verb, whatever kind of space stands around it and in either case."""
    assert understand(f"{space}{word.upper()}{space}").verb is WORDS[word]


@pytest.mark.parametrize(
    "text", ["", "ann", "@example.com", "ann@", "ann@host", "a b@example.com", "x" * 300]
)
def test_only_an_address_is_put_into_the_form(text: str) -> None:
    """The form's field starts empty rather than with something it would refuse."""
    assert not looks_like_address(text)
