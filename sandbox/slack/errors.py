"""What the local Slack refuses with. Rule: a code is Slack's own word; a test's extras stand beside."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """An `ok: false` answer of the Web API."""

    def __init__(self, code: str, *, retry_after: int | None = None, **beside: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.beside = beside


def invalid(code: str, problems: list[str]) -> SlackError:
    return SlackError(code, response_metadata={"messages": problems})


def missing_argument(name: str) -> SlackError:
    return invalid("invalid_arguments", [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"])


class CannotAct(Exception):
    """A person tried what their screen does not offer. `status` 404: not there; 409: not like this."""

    def __init__(self, status: int, reason: str, **beside: Any) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.beside = beside
