"""The database's own clock, for leases and pacing only: several machines must agree on when one ran out.

Every other instant comes from the injected clock. ``lead`` is how far that one runs ahead of the real
one: nothing in production, the time skipped where somebody moves the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Interval, bindparam, cast, func, literal, or_, type_coerce

from storage.column_types import Instant, microseconds

_UNIX_EPOCH_AS_JULIAN_DAY: Final = 2440587.5
_MICROSECONDS_A_DAY: Final = 86_400_000_000.0


Moment = Callable[[str, str], ColumnElement[datetime]]
"""``DatabaseClock.moment``."""


def no_lead() -> timedelta:
    """The clocks agree."""
    return timedelta()


class DatabaseClock:
    """Expressions for the database's present moment."""

    def __init__(self, dialect: str, lead: Callable[[], timedelta] = no_lead) -> None:
        self._is_sqlite = dialect == "sqlite"
        self._lead = lead

    def now(self, *, plus: timedelta = timedelta()) -> ColumnElement[datetime]:
        """The present, or a moment ``plus`` later."""
        return (_now_in_sqlite if self._is_sqlite else _now_in_postgresql)(self._lead() + plus)

    @classmethod
    def moment(cls, dialect: str, name: str) -> ColumnElement[datetime]:
        """``now`` for a statement that is built once: what the parameter ``name`` takes, says ``ahead``."""
        if dialect == "sqlite":
            return type_coerce(_CLOCK_OF_SQLITE + bindparam(name, type_=BigInteger), Instant)
        return type_coerce(_CLOCK_OF_POSTGRESQL + bindparam(name, type_=Interval), Instant)

    @classmethod
    def is_past(cls, moment: ColumnElement[datetime | None], present: ColumnElement[datetime]) -> Any:
        """``has_passed`` for a statement that is built once; ``present`` is a ``moment``."""
        return or_(moment.is_(None), moment <= present)

    def ahead(self, *, plus: timedelta = timedelta()) -> object:
        """The value for ``moment``: the present, or ``plus`` later."""
        span = self._lead() + plus
        return microseconds(span) if self._is_sqlite else span

    def has_passed(self, moment: ColumnElement[datetime | None]) -> ColumnElement[bool]:
        """Whether ``moment`` is not ahead of us; no moment has always passed."""
        return or_(moment.is_(None), moment <= self.now())


_CLOCK_OF_POSTGRESQL: Final = func.clock_timestamp()
_CLOCK_OF_SQLITE: Final = cast(
    (func.julianday("now") - _UNIX_EPOCH_AS_JULIAN_DAY) * _MICROSECONDS_A_DAY, BigInteger
)
"""Microseconds since 1970."""


@lru_cache(maxsize=32)
def _now_in_postgresql(span: timedelta) -> ColumnElement[datetime]:
    """Built once for each of the few spans that there are: every turn of the loops asks for it."""
    return type_coerce(_CLOCK_OF_POSTGRESQL + literal(span, Interval), Instant)


@lru_cache(maxsize=32)
def _now_in_sqlite(span: timedelta) -> ColumnElement[datetime]:
    return type_coerce(_CLOCK_OF_SQLITE + microseconds(span), Instant)
