"""The one place where background work survives an error it was not written for."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, TypeVar

import structlog

from bot.domain.errors import InboxkeeperError
from storage import StorageAway

T = TypeVar("T")
_log = structlog.get_logger(__name__)


_waiting: Final[set[str]] = set()
"""What waits for the database since its last failure: said once, not every second."""


async def attempted(work: Awaitable[T], *, what: str) -> tuple[T | None, Exception | None]:
    """The result of ``work``, or the error it ended with. Bugs are logged with their traceback."""
    try:
        result = await work
    except StorageAway as error:
        if what not in _waiting:
            _waiting.add(what)
            _log.warning(
                "background work waits for the database", what=what, trouble=error.trouble, said=error.said
            )
        return None, error
    except InboxkeeperError as error:
        _log.warning("background work must wait", what=what, error=type(error).__name__)
        return None, error
    except Exception as error:  # noqa: BLE001  a loop that dies silently is worse than any bug
        _log.exception("background work failed", what=what)
        return None, error
    _waiting.discard(what)
    return result, None
