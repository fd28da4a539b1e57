"""The kinds of columns that tables are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Text, false

from storage.types import Instant


def required_text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def maybe_text(name: str) -> Column[str]:
    return Column(name, Text)


def instant(name: str) -> Column[Any]:
    return Column(name, Instant, nullable=False)


def maybe_instant(name: str) -> Column[Any]:
    return Column(name, Instant)


def number(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=str(default))


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def of_channel(*, required: bool, primary_key: bool = False) -> Column[str]:
    """Checked at commit, so that one transaction may write its rows in any order."""
    key = ForeignKey("channel.id", deferrable=True, initially="DEFERRED")
    return Column("channel_id", Text, key, nullable=not required, primary_key=primary_key)
