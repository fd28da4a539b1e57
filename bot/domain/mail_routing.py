"""Where an address's mail goes, as far as the name servers say: news only when two looks agree.

The one rule: one bad answer alarms nobody. A change counts once it was seen twice, a day apart, with no other
answer in between; an answer that could not be had is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.ids import ChannelId

NOWHERE: Final = "nowhere"
"""The place of mail whose domain says that it takes none (RFC 7505)."""
DAILY: Final = timedelta(days=1)
_APART: Final = 5 / 6
"""Share of the time between two looks that two must lie apart to be two: one may have come late."""


@dataclass(frozen=True, slots=True)
class MailRouting:
    """What is known of one channel's mail."""

    channel_id: ChannelId
    place: str
    """The key of the provider that takes the mail (``imap`` for any other host, ``NOWHERE`` if the
    domain takes none), as two looks agreed; at first, as the first one said."""
    since: datetime
    """When that became known."""
    seen: str
    """What the last look said."""
    seen_at: datetime
    """When a look first said so."""
    left_at: datetime | None = None
    """When it became known that the mail had left the channel's provider; ``None`` while nothing has moved.
    Where the mail went elsewhere from the beginning, nothing has moved: whoever connected it knew."""

    @property
    def has_left(self) -> bool:
        return self.left_at is not None


def after_look(
    known: MailRouting | None,
    channel_id: ChannelId,
    *,
    home: str,
    seen: str | None,
    now: datetime,
    every: timedelta = DAILY,
) -> MailRouting | None:
    """What is known after one more look of those that are made ``every`` so often. ``home`` is the channel's
    provider, ``seen`` whose hosts take the mail; ``None`` if nobody could say."""
    if seen is None:
        return known
    if known is None:
        return MailRouting(channel_id, seen, now, seen, now)
    if seen != known.seen:
        known = replace(known, seen=seen, seen_at=now)
    if seen == known.place or now - known.seen_at < every * _APART:
        return known
    left_at = None if seen == home else known.left_at or now
    return replace(known, place=seen, since=now, left_at=left_at)


def settled(known: MailRouting) -> MailRouting:
    """The channel was switched on purpose: from now on wherever its mail goes is where it is expected."""
    return replace(known, left_at=None)
