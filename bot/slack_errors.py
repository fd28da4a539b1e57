"""Reads the SDK's one exception, which carries a response, a stranger's page or next to nothing."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError


def code_of(error: SlackApiError) -> str:
    """Slack's own word for what is wrong; empty if the answer was not Slack's."""
    data = getattr(error.response, "data", None)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def is_away(error: SlackApiError) -> bool:
    """Whether asking again later may help: throttled, broken, or something else answered in Slack's place."""
    status = getattr(error.response, "status_code", 0)
    return not code_of(error) or status == 429 or status >= 500
