"""What stands between good grants and their answers in a simulated week: noise on every twentieth look, and
outages of all of a provider or of one organisation at it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from tests.simulation.mailhost import SCOPES, Mailbox

NOISE: Final = 0.05
_REFUSED_ONCE_IN: Final = timedelta(hours=1)
_RECOVERS_WITHIN: Final = timedelta(minutes=10)
"""Bit by bit: sooner than those that are back count as well again."""


class Kind(StrEnum):
    """What an outage looks like from here."""

    DOWN = "down"
    THROTTLED = "throttled"
    LYING = "lying"
    """Everybody is answered as if their grant were dead."""
    OURS = "ours"
    """Our own client is refused."""


@dataclass
class Outage:
    kind: Kind
    tenant: str
    """Whose; empty for everybody's."""
    began: datetime
    ended: datetime | None = None
    bit_by_bit: bool = False
    """It takes a while to be over for all."""
    share: float = 1.0
    """Of all mailboxes that it might strike."""
    wave: timedelta | None = None
    """How long it strikes the same ones; ``None`` for as long as it lasts."""
    lasts: timedelta = timedelta()
    """At least."""

    def strikes(self, mailbox: Mailbox, now: datetime) -> bool:
        if self.tenant not in {"", mailbox.tenant} or not self._is_among(mailbox, now):
            return False
        if self.ended is None:
            return True
        return self.bit_by_bit and now < self.ended + _RECOVERS_WITHIN * _share(mailbox)

    def _is_among(self, mailbox: Mailbox, now: datetime) -> bool:
        """In each wave others, anywhere; at its end still those of the last one."""
        until = min(now, self.ended or now)
        wave = 0 if self.wave is None else int((until - self.began) / self.wave)
        return random.Random(f"{mailbox.subject}:{self.began}:{wave}").random() < self.share

    def is_felt(self, at: datetime, within: timedelta) -> bool:
        return self.began <= at and (self.over is None or at <= self.over + within)

    @property
    def over(self) -> datetime | None:
        if self.ended is None:
            return None
        return self.ended + (_RECOVERS_WITHIN if self.bit_by_bit else timedelta())


@dataclass
class Weather:
    """The same ``seed`` brings the same noise."""

    clock: Callable[[], datetime]
    seed: int
    noise: float = NOISE
    outages: list[Outage] = field(default_factory=list)
    _refused_at: dict[str, datetime] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _asked_at: datetime | None = None

    def __call__(self, mailbox: Mailbox) -> ProviderError | None:
        now = self.clock()
        for outage in self.outages[-2:]:  # the present one, and one that is not over for all
            if outage.strikes(mailbox, now):
                return _ANSWERS[outage.kind]()
        chance = self._chance(mailbox, now)
        return self._noise(mailbox, now, chance) if chance.random() < self.noise else None

    def _chance(self, mailbox: Mailbox, now: datetime) -> random.Random:
        """Of its own for each look: what is asked side by side is not asked in the same order every time."""
        if self._asked_at != now:
            self._asked_at, self._asked = now, Counter()
        self._asked[mailbox.subject] += 1
        return random.Random(f"{self.seed}:{mailbox.subject}:{now}:{self._asked[mailbox.subject]}")

    def _noise(self, mailbox: Mailbox, now: datetime, chance: random.Random) -> ProviderError:
        """A refusal out of the blue does not repeat itself, and follows upon no real one."""
        lately = self._refused_at.get(mailbox.subject), *(spell.ended for spell in mailbox.spells)
        is_fresh = any(it is not None and now - it < _REFUSED_ONCE_IN for it in lately)
        if chance.random() < 1 / 5 and not is_fresh and not self._was_out_lately(now):
            self._refused_at[mailbox.subject] = now
            return chance.choice(_REFUSALS)()
        return chance.choice(_TROUBLE)()

    def _was_out_lately(self, now: datetime) -> bool:
        """A strike of before an outage is still there after it: one more refusal would be the second, and
        nothing in between contradicts it."""
        return any(it.over is None or now - it.over < _REFUSED_ONCE_IN for it in self.outages[-3:])

    @property
    def outage(self) -> Outage | None:
        """The one that goes on."""
        return self.outages[-1] if self.outages and self.outages[-1].ended is None else None

    def begins(
        self,
        kind: Kind,
        tenant: str,
        *,
        share: float = 1.0,
        wave: timedelta | None = None,
        lasts: timedelta = timedelta(),
    ) -> None:
        self.outages.append(Outage(kind, tenant, self.clock(), share=share, wave=wave, lasts=lasts))

    @property
    def may_end(self) -> bool:
        """Whether the present one has lasted for as long as it must."""
        return self.outage is not None and self.clock() - self.outage.began >= self.outage.lasts

    def ends(self, *, bit_by_bit: bool) -> None:
        if self.outage is not None:
            self.outage.bit_by_bit = bit_by_bit
            self.outage.ended = self.clock()

    def felt(self, at: datetime, *kinds: Kind, within: timedelta = timedelta()) -> list[Outage]:
        """The outages of these kinds that there were then, or up to ``within`` before."""
        return [it for it in self.outages if it.kind in kinds and it.is_felt(at, within)]

    def clear_since(self, now: datetime) -> datetime | None:
        """Since when nothing but noise has stood in the way; ``None`` while something does."""
        overs = [it.over for it in self.outages]
        if any(over is None or over > now for over in overs):
            return None
        return max(
            (over for over in overs if over is not None), default=datetime.min.replace(tzinfo=now.tzinfo)
        )


def _share(mailbox: Mailbox) -> float:
    """Anywhere in [0, 1), the same for a mailbox every time."""
    return sum(mailbox.subject.encode()) * 37 % 101 / 101


_ANSWERS: Final[dict[Kind, Callable[[], ProviderError]]] = {
    Kind.DOWN: lambda: ProviderUnavailable("http_503"),
    Kind.THROTTLED: lambda: ProviderUnavailable("http_429", timedelta(seconds=60)),
    Kind.LYING: lambda: GrantRejected("invalid_grant"),
    Kind.OURS: lambda: ProviderMisconfigured("invalid_client"),
}
_TROUBLE: Final[tuple[Callable[[], ProviderError], ...]] = (
    lambda: ProviderUnavailable("http_500"),
    lambda: ProviderUnavailable("timeout"),
    lambda: ProviderUnavailable("http_429", timedelta(seconds=45)),
    lambda: ProviderUnavailable("moon_phase", unknown_code=True),
)
_REFUSALS: Final[tuple[Callable[[], ProviderError], ...]] = (
    lambda: GrantRejected("invalid_grant"),
    lambda: MailboxGone("mail_disabled"),
    lambda: PermissionMissing("insufficient_scope", SCOPES),
    lambda: AdminActionNeeded("access_denied", Cause.ADMIN_POLICY),
)
DEATHS: Final = _REFUSALS
"""Why a mailbox may be shut for good."""
