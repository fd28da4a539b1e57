"""The clock a sandbox and the bot under it share. Rule: time never goes backwards, whoever moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Callable that answers the present instant, aware and in UTC.

    A frozen clock moves only by `advance`; a running one follows real time plus what was advanced.
    """

    def __init__(self, *, frozen_at: datetime | None) -> None:
        self._frozen_at = frozen_at
        self._ahead = timedelta()

    @classmethod
    def frozen(cls, at: datetime) -> SandboxClock:
        if at.tzinfo is None:
            raise ValueError("a sandbox clock needs an aware datetime")
        return cls(frozen_at=at.astimezone(UTC))

    @classmethod
    def running(cls) -> SandboxClock:
        return cls(frozen_at=None)

    @property
    def is_frozen(self) -> bool:
        return self._frozen_at is not None

    def __call__(self) -> datetime:
        return (self._frozen_at or datetime.now(UTC)) + self._ahead

    def advance(self, by: timedelta) -> None:
        if by < timedelta():
            raise ValueError("the sandbox clock only moves forward")
        self._ahead += by

    def lead(self) -> timedelta:
        """How far this clock is ahead of the real one (negative when frozen in the past)."""
        return self() - datetime.now(UTC)
