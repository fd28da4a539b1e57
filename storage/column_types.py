"""Column types, and how addresses are compared: instants are aware and UTC on both databases."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    Text,
    TextClause,
    false,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.domain.address import key_of, visible

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(span: timedelta) -> int:
    """A span as whole microseconds, exactly (``total_seconds`` is a float)."""
    return span // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. A naive one is refused: it would mean another moment on another machine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return microseconds(value - _EPOCH) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _EPOCH + timedelta(microseconds=value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


def folded(address: str) -> str:
    return key_of(address)


def searchable(text: str) -> str:
    """The text in one line, without regard to case, width and what nobody sees."""
    small = visible(unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", small).split())


def required_text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def ordered_text(name: str) -> Column[str]:
    """Compared and sorted by code point on both databases, so that an index gives the order that is shown."""
    by_code_point = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(name, by_code_point, nullable=False)


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


def partial(name: str, *columns: str, where: str | TextClause, unique: bool = False) -> Index:
    """An index of those rows alone. Migrations make it: told ``postgresql_where``, SQLAlchemy would load
    PostgreSQL's dialect wherever the tables are known, a tenth of what a start on SQLite takes."""
    return Index(name, *columns, unique=unique, info={"where": str(where)})
