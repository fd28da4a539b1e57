"""Text objects, options and confirm dialogs: the small parts that blocks are made of."""

from __future__ import annotations

from typing import Any

from sandbox.slack.blockkit.rules import Report, Rule, Shape, boolean, by_type, one_of, string, typed, url
from sandbox.slack.mrkdwn import problems_in


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
    return by_type({"plain_text": _plain_shape(limit)}, what="text object here")


def _plain_shape(limit: int) -> Rule:
    return typed("plain_text", {"text": _counted(string(limit))}, {"emoji": boolean})


def any_text(limit: int) -> Rule:
    marked = typed("mrkdwn", {"text": _counted(_markup(limit))}, {"verbatim": boolean})
    return by_type({"plain_text": _plain_shape(limit), "mrkdwn": marked}, what="text object")


def option(*, marked: bool = False, with_url: bool = False) -> Rule:
    text = any_text(75) if marked else plain(75)
    optional: dict[str, Rule] = {"description": text}
    if with_url:
        optional["url"] = url()
    return Shape({"text": text, "value": string(75)}, optional)


confirm: Rule = Shape(
    {"title": plain(100), "text": any_text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)
