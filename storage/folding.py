"""How addresses are compared in the database: by ``*_key`` columns, which hold what ``key_of`` says."""

from __future__ import annotations

from bot.domain.address import key_of


def folded(address: str) -> str:
    return key_of(address)
