"""How addresses are compared in the database: by letters, not by their case."""

from __future__ import annotations


def folded(address: str) -> str:
    return address.strip().casefold()
