"""What the stand-ins answer over HTTP: a whole answer, in which language, or that a consent is refused.

Rule: an answer is decided elsewhere, and sent as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """What an endpoint says."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            text=self.body,
            content_type=self.content_type,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def ok(body: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(body))


@dataclass
class ConsentRefused(Exception):
    """Shown on the provider's own page; the app never hears of it."""

    status: int
    code: str
    detail: str


LANGUAGES: Final = ("en", "ja")


def preferred(accept_language: str) -> str:
    """The best of our languages for an Accept-Language header; English when none fits."""
    ranked = sorted(map(_ranked, accept_language.split(",")), key=lambda item: -item[1])
    return next((tag for tag, weight in ranked if tag in LANGUAGES and weight > 0), "en")


def _ranked(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip().lower().partition("-")[0], float(weight or 1)
    except ValueError:
        return "", 0.0
