"""Rules from which the shapes of blocks are put together, and the report they write into.

A rule looks at one value and its JSON pointer. Rule: an unknown key is a problem, never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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


def by_type(shapes: Mapping[str, Rule], *, what: str) -> Rule:
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
