"""The one place where background work survives an error it was not written for."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import structlog

from bot.domain.errors import InboxkeeperError

T = TypeVar("T")
_log = structlog.get_logger(__name__)


async def attempted(work: Awaitable[T], *, what: str) -> tuple[T | None, Exception | None]:
    """The result of ``work``, or the error it ended with. Bugs are logged with their traceback."""
    try:
        return await work, None
    except InboxkeeperError as error:
        _log.warning("background work must wait", what=what, error=type(error).__name__)
        return None, error
    except Exception as error:  # noqa: BLE001  a loop that dies silently is worse than any bug
        _log.exception("background work failed", what=what)
        return None, error
