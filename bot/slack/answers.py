"""Calls to Slack, and what comes back, translated once: an answer of Slack's, its refusal, or none at all.

The one rule: whoever answers in Slack's place, and however, is Slack being away. The SDK knows one
exception, which carries a response, a stranger's page or next to nothing, and stumbles over the rest in
ways of its own; nobody else in the product sees either.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

Json = Mapping[str, Any]

_WAITS: Final = timedelta(seconds=30)
"""Where Slack does not say for how long it wants to be left alone."""
MOST_PATIENT: Final = timedelta(hours=1)
"""No method is left alone for longer, whatever is asked: Slack speaks of seconds and minutes."""

_THROTTLED: Final = frozenset({"ratelimited", "rate_limited"})
_CODE: Final = re.compile(r"[a-z0-9_.:/-]{1,64}")
_STUMBLES: Final = (
    ValueError,  # a page that is no UTF-8, a number of ten thousand digits
    AttributeError,  # JSON that is no object
    TypeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
"""What the SDK raises over an answer that is not Slack's."""


class SlackRefused(Exception):
    """Slack says no, for the reason ``code``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NoAnswer(Exception):
    """Nothing of Slack's came back, or it is in trouble: later. ``retry_after`` if it says how much later."""

    def __init__(self, code: str, retry_after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


async def response_to(call: Awaitable[Any], *, within: float) -> AsyncSlackResponse:
    """Slack's response, whose ``data`` is an object that says ``ok``, in at most ``within`` seconds.

    Raises ``SlackRefused``, ``NoAnswer``. Neither quotes what was answered.
    """
    try:
        async with asyncio.timeout(within):
            response = await call
    except SlackApiError as error:
        raise _translated(error) from None
    except (TimeoutError, aiohttp.ClientError, OSError, *_STUMBLES) as error:
        raise NoAnswer(type(error).__name__) from None
    if not isinstance(response.data, dict):  # a proxy's page
        raise NoAnswer("no_json")
    return response  # type: ignore[no-any-return]


async def answer_to(call: Awaitable[Any], *, within: float) -> dict[str, Any]:
    """What Slack answered. Raises ``SlackRefused``, ``NoAnswer``."""
    data: dict[str, Any] = (await response_to(call, within=within)).data  # type: ignore[assignment]
    return data


def text_at(answer: Json, *path: str) -> str:
    """The text that must stand there. Raises ``NoAnswer``: an answer of Slack's would hold it."""
    found: Any = answer
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise NoAnswer(f"no_{path[-1]}")
    return found


def part_at(answer: Json, name: str) -> dict[str, Any]:
    """The object that must stand there. Raises ``NoAnswer``."""
    found = answer.get(name)
    if not isinstance(found, dict):
        raise NoAnswer(f"no_{name}")
    return found


def parts_at(answer: Json, name: str) -> list[dict[str, Any]]:
    """The objects in the list that must stand there. Raises ``NoAnswer``."""
    return [one for one in _list_at(answer, name) if isinstance(one, dict)]


def texts_at(answer: Json, name: str) -> list[str]:
    """The texts in the list that must stand there. Raises ``NoAnswer``."""
    return [one for one in _list_at(answer, name) if isinstance(one, str)]


def cursor_in(answer: Json) -> str:
    """Where the next page begins; empty if this was the last."""
    beside = answer.get("response_metadata")
    further = beside.get("next_cursor") if isinstance(beside, dict) else None
    return further if isinstance(further, str) else ""


def _list_at(answer: Json, name: str) -> Iterable[Any]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise NoAnswer(f"no_{name}")
    return found


def _translated(error: SlackApiError) -> SlackRefused | NoAnswer:
    status, code = getattr(error.response, "status_code", 0), _code_of(error)
    if status == 429 or code in _THROTTLED:
        return NoAnswer("ratelimited", _retry_after(error))
    if not code:
        return NoAnswer("no_json")
    return NoAnswer(code) if status >= 500 else SlackRefused(code)


def _code_of(error: SlackApiError) -> str:
    """Slack's own word for what is wrong; empty if the answer was not Slack's."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _retry_after(error: SlackApiError) -> timedelta:
    headers = getattr(error.response, "headers", {})
    value = next((str(v) for k, v in headers.items() if k.lower() == "retry-after"), "")
    if not (value.isascii() and value.isdigit()):
        return _WAITS
    # Five digits are more than an hour already; many thousand are more than ``int`` reads.
    return MOST_PATIENT if len(value) > 5 else min(timedelta(seconds=int(value)), MOST_PATIENT)
