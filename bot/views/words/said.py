"""The shape of an answer: what is so, why, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Plain text. ``ask`` names people by Slack id: only Slack's views can show them."""

    title: str
    text: str
    next_step: str = ""
    ask: tuple[str, ...] = ()
