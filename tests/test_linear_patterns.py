"""Every pattern that foreign text meets takes time in proportion to that text's length.

A pattern that runs to the end and back from each place where it could begin lets one request of a few
kilobytes hold up everybody. Telemetry's rules name the pieces that, repeated, are hardest for them; for the
product's other patterns the pieces are made of their own letters.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import bot
import handlers
import providers
import storage
from bot import log_setup

SHORT, LONGER, LONG = 1_000, 10_000, 100_000
FLOOR: Final = 0.001
"""Seconds of CPU below which a measurement is noise."""
GENERAL: Final = ("a", "A", "1", "_", "a_", "a-", "a.", ".", " ", "\t", "\n", "a ", '"', "'", "\\", "{", "[")
"""Pieces that each pattern is timed on beside its own."""
HARDEST: Final = {
    "bot.domain.address._LOCAL": ("a.", "a@", "."),
    "bot.services.connections.connect._MAILTO": ("<mailto:a|",),
    "bot.views.blocks._PLAIN": ("a@", "a@a."),
    "bot.views.blocks._EMOJI_NAME": (":a", ":a'"),
    "bot.views.blocks._BROKEN_END": ("&amp", "<a"),
    "handlers.commands._MAILTO": ("<a@", "@", "<a@a|", "|"),
    "handlers.web_session._WEIGHTED": ("a;q=", "a; "),
    "providers.imap.protocol._CODE": ("[A ", "[A] "),
    "providers.imap.protocol._LITERAL": ("{1", "{1}"),
    "providers.microsoft.oauth._DOMAIN": ("a-.", "a."),
}
"""More than a pattern's own letters tell."""
Work = Callable[[str], object]


def spent(work: Work, text: str) -> float:
    """Seconds of this process's CPU, the better of two."""
    best = float("inf")
    for _ in range(2):
        began = time.process_time()
        work(text)
        best = min(best, time.process_time() - began)
    return best


def repeated(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def is_linear(work: Work, piece: str, *, first: str = "", last: str = "", up_to: int = LONG) -> bool:
    """Whether a hundred times the text takes nothing like ten thousand times as long."""
    base = max(spent(work, first + repeated(piece, SHORT) + last), FLOOR)
    # The middle one first: what is quadratic would take minutes on the long one.
    if spent(work, first + repeated(piece, LONGER) + last) > 40 * base:
        return False
    return up_to < LONG or spent(work, first + repeated(piece, LONG) + last) < 400 * base


def modules() -> Iterator[ModuleType]:
    """All of the product."""
    for package in (bot, handlers, providers, storage):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


@dataclass(frozen=True)
class Used:
    """A pattern, and how the product uses it: ``fullmatch``, ``sub`` and so on."""

    pattern: re.Pattern[str]
    how: frozenset[str]


def patterns_in(value: object) -> list[re.Pattern[Any]]:
    """The compiled patterns in a module's variable."""
    if isinstance(value, re.Pattern):
        return [value]
    if isinstance(value, dict):
        return patterns_in(tuple(value.values()))
    return [one for each in value for one in patterns_in(each)] if isinstance(value, tuple | list) else []


def used_in(module: ModuleType) -> Iterator[tuple[str, Used]]:
    """A module's patterns by name, or by their text where it is given to ``re.search`` and its like."""
    calls: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(ast.Name("re"), how), args=[ast.Constant(str(text)), *_]):
                if how != "compile":
                    yield text, Used(re.compile(text), frozenset({how}))
            case ast.Attribute(ast.Name(name), how):
                calls.setdefault(name, set()).add(how)
    for name, value in vars(module).items():
        for number, one in enumerate([] if value is log_setup._patterns else patterns_in(value)):
            if isinstance(one.pattern, str):
                ways = frozenset(calls.get(name, set()) & METHODS) or METHODS
                yield name + "'" * number, Used(one, ways)


METHODS: Final = frozenset({"match", "fullmatch", "search", "sub"})
PATTERNS: Final = {
    f"{module.__name__}.{name}": used for module in modules() for name, used in used_in(module)
}
"""The product's patterns but telemetry's rules."""


def own_letters(pattern: str) -> set[str]:
    """What stands in a pattern as itself, and one of what it repeats."""
    words = re.split(r"\\[a-zA-Z]|[\[\](){}?*+|^$]", pattern.replace("\\.", "."))
    return {piece.replace("\\", "") for word in words if (piece := word[:20]).replace("\\", "")}


def test_the_patterns_are_found() -> None:
    """The table names none that is gone, and telemetry's rules all say what is hardest for them."""
    assert len(PATTERNS) > 30
    assert set(HARDEST) <= set(PATTERNS)
    assert all(rule.hardest and all(rule.hardest) for rule in log_setup._RULES)


def test_a_quadratic_pattern_is_noticed() -> None:
    """The measure itself: a prefix of any number of words, tried from each of them."""
    pattern = re.compile(r"(?<![a-z])(?:[a-z]+_)*(?:token)=")
    assert not is_linear(pattern.search, "a_", up_to=LONGER)
    assert is_linear(re.compile(r"token=").search, "a_")


@pytest.mark.parametrize("number", range(len(log_setup._RULES)))
def test_redaction_is_linear(number: int) -> None:
    """On its own hardest pieces, on everything that those begin with, and on ordinary ones."""
    rule, pattern = log_setup._RULES[number], log_setup._patterns[number]
    beginnings = {piece[:end] for piece in rule.hardest for end in range(1, len(piece) + 1)}
    for piece in rule.hardest:
        assert is_linear(lambda text: pattern.sub("", text), piece), piece
    for piece in sorted({*beginnings, *GENERAL}):
        assert is_linear(lambda text: pattern.sub("", text), piece, up_to=LONGER), piece
    for first in rule.hardest:
        for piece in (*rule.hardest, "a", "_", ".", " "):
            assert is_linear(pattern.search, piece, first=first, up_to=LONGER), (first, piece)


def test_concealing_does_not_depend_on_how_much_was_sent() -> None:
    """All rules together look at a few kilobytes, however long the text is."""
    for piece in sorted({piece for rule in log_setup._RULES for piece in rule.hardest}):
        short, long = repeated(piece, SHORT), repeated(piece, LONG)
        assert spent(log_setup.concealed, long) < 60 * max(spent(log_setup.concealed, short), FLOOR), piece


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_other_pattern_is_linear(name: str) -> None:
    """As it is used: from the beginning, as a whole, or anywhere."""
    pattern, how = PATTERNS[name].pattern, PATTERNS[name].how
    own = sorted({*HARDEST.get(name, ()), *own_letters(pattern.pattern)})
    works: dict[str, Work] = {
        "fullmatch": pattern.fullmatch,
        "match": pattern.match,
        "search": pattern.search,
        "sub": lambda text: pattern.sub("", text),
    }
    for work in (works.get(one, works["sub"]) for one in how):
        for piece in HARDEST.get(name, ("a",)):
            assert is_linear(work, piece, last="!"), piece
        for piece in (*own, *GENERAL):
            assert is_linear(work, piece, last="!", up_to=LONGER), piece
        for first in own[:12]:
            for piece in (*own[:12], "a", ".", "-", " "):
                assert is_linear(work, piece, first=first, last="!", up_to=LONGER), (first, piece)
