"""A Web API call's arguments, however slack_sdk sent them: query, form or JSON.

Rule: a form carries everything as text; JSON must carry the right type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.slack.errors import SlackError, invalid, missing_argument


@dataclass(frozen=True)
class Arguments:
    values: dict[str, Any]

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
        return value or None

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing_argument(name)
        return value

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise invalid("invalid_arguments", [f"[ERROR] must be a number [json-pointer:/{name}]"]) from None

    def structure(self, name: str) -> Any:
        """A nested value: as it is in JSON, decoded from text in a form. None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise invalid("invalid_arguments", [f"[ERROR] invalid json [json-pointer:/{name}]"]) from None

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None


async def arguments_of(request: web.Request) -> Arguments:
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        values.update(body)
    elif request.can_read_body:
        values.update({key: value for key, value in (await request.post()).items() if isinstance(value, str)})
    return Arguments(values)


def token_of(request: web.Request, arguments: Arguments) -> str | None:
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ")
    token = arguments.values.get("token")
    return token if isinstance(token, str) else None
