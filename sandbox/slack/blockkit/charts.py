"""Slack's chart block: bars, lines and areas over categories. Only messages show it, and at most two each.

Source: docs.slack.dev/reference/block-kit/blocks/data-visualization-block, as of November 2026. Pies are not
in the sandbox, since nothing draws one.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.blockkit.rules import Json, Report, Rule, Shape, by_type, list_of, string, typed

CHARTS_IN_MESSAGE = 2
_LABEL = 20
_AXIS = 50


def _number(value: Any, pointer: str, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.fail(pointer, "must be a number")


def _fits_categories(chart: Json, pointer: str, report: Report) -> None:
    """Each series has one point for each category, and no two have one name."""
    axis, series = chart.get("axis_config"), chart.get("series")
    if not isinstance(axis, dict) or not isinstance(series, list):
        return
    names = [one.get("name") for one in series if isinstance(one, dict)]
    if len(set(names)) < len(names):
        report.fail(f"{pointer}/series", "duplicate series name")
    categories = axis.get("categories")
    for index, one in enumerate(series):
        data = one.get("data") if isinstance(one, dict) else None
        labels = [point.get("label") for point in data or [] if isinstance(point, dict)]
        if not isinstance(categories, list) or sorted(map(str, labels)) != sorted(map(str, categories)):
            report.fail(f"{pointer}/series/{index}/data", "must have one point for each category")


_POINT = Shape({"label": string(_LABEL), "value": _number})
_SERIES = Shape({"name": string(_LABEL), "data": list_of(_POINT, most=20)})
_AXES = Shape(
    {"categories": list_of(string(_LABEL), most=20)}, {"x_label": string(_AXIS), "y_label": string(_AXIS)}
)


def _over_categories(kind: str) -> Rule:
    return typed(kind, {"series": list_of(_SERIES, most=6), "axis_config": _AXES}, also=_fits_categories)


def _in_message(block: Json, pointer: str, report: Report) -> None:
    report.charts += 1
    if report.surface != "message":
        report.fail(pointer, f"unsupported block in {report.surface}: data_visualization")
    elif report.charts > CHARTS_IN_MESSAGE:
        report.fail(pointer, f"no more than {CHARTS_IN_MESSAGE} charts in a message")


def chart_block(identified: dict[str, Rule]) -> Rule:
    kinds = {kind: _over_categories(kind) for kind in ("bar", "line", "area")}
    wanted = {"title": string(50), "chart": by_type(kinds, what="chart")}
    return typed("data_visualization", wanted, identified, also=_in_message)
