"""What went wrong, sorted by what the person can be told.

The one rule: a bug becomes a short reference that the person can pass on and the operator can find in the
log; its text is shown to nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, TypeVar

import structlog

from bot.domain.errors import DirectoryAway, OutOfDate, Refusal, SlackAway
from storage import Conflict, StorageAway

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """The request makes no sense or is not allowed."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody did not answer: nothing was done, trying again helps."""

    whom: Literal["database", "directory", "slack"] = "database"
    """Slack's directory says who asks; Slack itself takes what is to be posted."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A fault of ours, logged under ``reference``."""

    reference: str


Fault = Refused | Away | Bug


async def attempt(work: Awaitable[T]) -> T | Fault:
    """Do ``work``; what it raises becomes a value. Cancellation passes."""
    try:
        return await work
    except Refusal as refusal:
        return Refused(refusal)
    except Conflict:
        return Refused(OutOfDate())  # somebody else was first, twice: what they saw is old
    except (StorageAway, SlackAway) as error:
        _log.warning("A request found a service away", error=type(error).__name__)
        return Away(_whom(error))
    except Exception:  # noqa: BLE001 - the one place where a bug of a request ends
        reference = secrets.token_hex(4)
        _log.exception("A request failed", reference=reference)
        return Bug(reference)


def _whom(error: StorageAway | SlackAway) -> Literal["database", "directory", "slack"]:
    match error:
        case DirectoryAway():
            return "directory"
        case SlackAway():
            return "slack"
        case _:
            return "database"
