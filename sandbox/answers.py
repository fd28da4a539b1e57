"""A whole HTTP answer, ready to send. Rule: it is decided elsewhere, and sent as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """What an endpoint says."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            text=self.body,
            content_type=self.content_type,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def ok(body: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(body))
