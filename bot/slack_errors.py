"""Reads the SDK's one exception, which carries a response, a stranger's page or next to nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from slack_sdk.errors import SlackApiError

_WAITS: Final = timedelta(seconds=30)
"""Where Slack does not say for how long it wants to be left alone."""


def code_of(error: SlackApiError) -> str:
    """Slack's own word for what is wrong; empty if the answer was not Slack's."""
    data = getattr(error.response, "data", None)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def is_throttled(error: SlackApiError) -> bool:
    """Whether Slack wants this method left alone for a while."""
    return getattr(error.response, "status_code", 0) == 429 or code_of(error) in _THROTTLED


_THROTTLED: Final = frozenset({"ratelimited", "rate_limited"})


def retry_after(error: SlackApiError) -> timedelta:
    """For how long."""
    headers = getattr(error.response, "headers", {})
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return timedelta(seconds=int(value)) if str(value).isdigit() else _WAITS


def is_away(error: SlackApiError) -> bool:
    """Whether asking again later may help: throttled, broken, or something else answered in Slack's place."""
    status = getattr(error.response, "status_code", 0)
    return not code_of(error) or status == 429 or status >= 500
