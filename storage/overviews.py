"""What an overview shows of a workspace: the first rows in its order, and how many there are of each state.

One rule: what somebody may not see is neither read nor counted; ``bot.domain.access.Sight`` says what. All is
read by one statement that is built once: building it takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)

from bot.domain.access import Sight
from bot.domain.channel import URGENCY, Channel, Kind, State
from bot.domain.grant import Granted
from bot.domain.picture import Tally
from bot.domain.whereabouts import Whereabouts
from storage.channels import channel_of
from storage.folding import folded
from storage.grants import GRANTED, granted_as
from storage.session import Session, by_letters
from storage.tables import channel, grant, probe, whereabouts
from storage.whereabouts import known_of

_COUNTED: Final = tuple(state for state in URGENCY if state is not State.REMOVED)
_NO_LIMIT: Final = 2**31 - 1
MOST_LOOK_ALIKES: Final = 500
_BESIDE: Final = MOST_LOOK_ALIKES // 4
_OFF_BY: Final = 2
_TAIL: Final = 3
# Where each part stands in a row, which is unpacked by position.
_CHANNEL: Final = slice(0, len(channel.c))
_PROOF: Final = _CHANNEL.stop
_MAIL: Final = slice(_PROOF + 1, _PROOF + 1 + len(whereabouts.c))
_TALLY: Final = slice(_MAIL.stop, _MAIL.stop + 1 + len(_COUNTED))
_GRANT: Final = slice(_TALLY.stop, None)


@dataclass(frozen=True, slots=True)
class Listed:
    """One channel, with what its line tells beside it."""

    channel: Channel
    last_ok_at: datetime | None
    granted: Granted | None
    """Only where it was asked for."""
    mail_left: Whereabouts | None
    """Where the mail goes, once it has left the channel's provider."""


class Overviews:
    """Reads ``channel`` with what belongs to it, as one person may see it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def read(
        self, sight: Sight, *, most: int | None, with_grants: bool
    ) -> tuple[tuple[Listed, ...], Tally]:
        """The first ``most``, or all: team addresses, one's own, other people's; of each what needs somebody
        first, then by address. And how many there are. What was granted is read only ``with_grants``."""
        statement = _statement(self._session.dialect, sight.all_personal, with_grants)
        values = {**_values(sight), "most": _NO_LIMIT if most is None else most}
        rows = await self._session.rows(statement, values)
        return tuple(map(_listed, rows)), _tally(rows[0]) if rows else Tally()

    async def look_alikes(self, sight: Sight, address: str) -> tuple[str, ...]:
        """Addresses among which one that was mistyped as ``address`` most likely is, at most
        ``MOST_LOOK_ALIKES`` of what this person may see: those next to it by letters, and those of its domain
        and about its length, what ends like it first."""
        key = folded(address)
        local, _, domain = key.rpartition("@")
        seen, by = _seen(all_personal=sight.all_personal), channel.c.address_key
        shown = select(channel.c.address).where(*seen)
        about = func.length(by).between(len(key) - _OFF_BY, len(key) + _OFF_BY)
        ending = by.endswith(f"{local[-_TAIL:]}@{domain}", autoescape=True)
        alike = by.endswith(f"@{domain}", autoescape=True), about
        found: dict[str, None] = {}
        for wanted in (
            shown.where(by >= key).order_by(by).limit(_BESIDE),
            shown.where(by < key).order_by(by.desc()).limit(_BESIDE),
            shown.where(*alike).order_by(case((ending, 0), else_=1), by).limit(2 * _BESIDE),
        ):
            rows = await self._session.rows(wanted, _values(sight))
            found.update(dict.fromkeys(row.address for row in rows))
        return tuple(found)


@cache
def _statement(dialect: str, all_personal: bool, with_grants: bool) -> Select[Any]:
    """What stands beside a channel is looked up for the first ones only."""
    seen = _seen(all_personal=all_personal)
    first = select(channel).where(*seen).order_by(*_order(channel, dialect)).limit(bindparam("most"))
    shown, tally = first.subquery("shown"), _counts().where(*seen).subquery("tally")
    has_left = and_(whereabouts.c.channel_id == shown.c.id, whereabouts.c.left_at.is_not(None))
    joined = (
        shown.join(tally, true())
        .outerjoin(probe, probe.c.channel_id == shown.c.id)
        .outerjoin(whereabouts, has_left)
    )
    columns = [*shown.c, probe.c.last_ok_at, *whereabouts.c, *tally.c]
    if with_grants:
        joined = joined.outerjoin(grant, grant.c.id == shown.c.grant_id)
        columns += GRANTED
    return select(*columns).select_from(joined).order_by(*_order(shown, dialect))


def _counts() -> Select[Any]:
    """In the order in which ``_tally`` unpacks them."""
    own = func.sum(case((_group(channel) == 1, 1), else_=0)).label("own")
    states = (func.sum(case((channel.c.state == state, 1), else_=0)).label(state) for state in _COUNTED)
    return select(own, *states)


def _order(of: FromClause, dialect: str) -> tuple[ColumnElement[Any], ...]:
    urgency = case({state.value: place for place, state in enumerate(URGENCY)}, value=of.c.state)
    return _group(of), urgency, by_letters(of.c.address_key, dialect)


def _group(of: FromClause) -> ColumnElement[int]:
    """Team addresses, one's own, other people's."""
    return case((of.c.kind == Kind.TEAM, 0), (of.c.owner_id == bindparam("user"), 1), else_=2)


def _seen(*, all_personal: bool) -> tuple[ColumnElement[bool], ...]:
    here = channel.c.workspace_id == bindparam("workspace"), channel.c.state != State.REMOVED
    if all_personal:
        return here
    own = channel.c.owner_id == bindparam("user")
    theirs = channel.c.address_key == bindparam("address")
    return *here, or_(channel.c.kind == Kind.TEAM, own, theirs)


def _values(sight: Sight) -> dict[str, Any]:
    values = {"workspace": sight.workspace_id, "user": sight.user_id}
    if sight.all_personal:
        return values
    return values | {"address": sight.address}


def _listed(row: Sequence[Any]) -> Listed:
    mail, granted = row[_MAIL], row[_GRANT]
    return Listed(
        channel_of(row[_CHANNEL]),
        row[_PROOF],
        granted_as(granted) if _is_joined(granted) else None,
        known_of(mail) if _is_joined(mail) else None,
    )


def _is_joined(found: Sequence[Any]) -> bool:
    """Whether the outer join, if there was one, found a row: it begins with a column that is never empty."""
    return bool(found) and found[0] is not None


def _tally(row: Sequence[Any]) -> Tally:
    """The same in every row."""
    own, *numbers = row[_TALLY]
    return Tally(dict(zip(_COUNTED, map(int, numbers), strict=True)), own=int(own))
