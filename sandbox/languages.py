"""Which language a browser wants its pages in."""

from __future__ import annotations

from typing import Final

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
