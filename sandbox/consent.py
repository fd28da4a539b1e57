"""What every local provider's consent has in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ConsentRefused(Exception):
    """Shown on the provider's own page; the app never hears of it."""

    status: int
    code: str
    detail: str
