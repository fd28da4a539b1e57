"""What a Web API method is: a function of the core and the arguments, and who may call it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json

T = TypeVar("T")


@dataclass(frozen=True)
class Method:
    run: Callable[[Core, Arguments], Json]
    scope: str | None = None
    for_app_token: bool = False


def page_of(items: list[T], arguments: Arguments, *, default: int, most: int) -> tuple[list[T], str]:
    """One page, and the cursor of the next (empty at the end)."""
    size = arguments.number("limit", 0) or default
    if not 1 <= size <= most:
        raise SlackError("invalid_limit")
    start = _offset(arguments.text("cursor"))
    following = start + size
    return items[start:following], _cursor(following) if following < len(items) else ""


def _cursor(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(number)
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    raise SlackError("invalid_cursor")
