"""The forms of what programs ask and are answered, and the OpenAPI document that is made of them.

The one rule: the document is made of what the routes themselves are declared and typed with, never written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from bot.program import VERSION

_REFS: Final = "#/components/schemas/{model}"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


class ChannelAnswer(TypedDict):
    """A mailbox as a program may see it. ``version`` grows with each change."""

    id: str
    address: str
    provider: str
    state: str
    cause: NotRequired[str]
    since: str
    version: int
    features: list[str]
    audiences: list[str]


class ChannelsAnswer(TypedDict):
    """A page of the mailboxes that a key may see. ``next`` is where to go on."""

    channels: list[ChannelAnswer]
    next: str
    more: bool


class TokenRequest(TypedDict):
    """What a token is for, and for how many seconds it must live."""

    audience: str
    min_ttl: NotRequired[int | None]


class TokenAnswer(TypedDict):
    """An access token, and what its user needs beside it."""

    access_token: str
    token_type: str
    expires_at: str
    expires_in: int
    user: str
    host: NotRequired[str]
    port: NotRequired[int]
    scopes: list[str]
    audience: str
    grant: str
    fingerprint: str


class RefusedRequest(TypedDict):
    """Which token a server did not take."""

    fingerprint: str


class RefusedAnswer(TypedDict):
    """Whether that was the latest one."""

    was_latest: bool


class EventChannel(TypedDict):
    """Which mailbox it is about."""

    id: str
    address: str
    provider: str


class EventData(TypedDict):
    """What is so since then."""

    channel: EventChannel
    state: str
    cause: NotRequired[str]
    since: str
    version: int


class EventAnswer(TypedDict):
    """One piece of news, and its place in the feed."""

    id: str
    position: int
    type: str
    timestamp: str
    data: EventData


class EventsAnswer(TypedDict):
    """A page of the feed. ``next`` is where to go on."""

    events: list[EventAnswer]
    next: int
    more: bool


class ErrorAnswer(TypedDict):
    """Why not. ``error`` is a word for programs; ``retry`` says whether coming back helps."""

    error: str
    message: str
    retry: bool
    retry_after: NotRequired[int]
    cause: NotRequired[str]
    since: NotRequired[str]
    feature: NotRequired[str]
    waits_for: NotRequired[str]
    missing: NotRequired[list[str]]
    audiences: NotRequired[list[str]]


class EmailEngineAnswer(TypedDict):
    """As EmailEngine's authentication servers answer."""

    user: str
    accessToken: str


class OAuthAnswer(TypedDict):
    """As RFC 6749 §5.1 has it. The refresh token is the key, unchanged."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    scope: NotRequired[str]


class OAuthErrorAnswer(TypedDict):
    """As RFC 6749 §5.2 has it."""

    error: str
    error_description: str


class OAuthRequest(TypedDict):
    """A refresh with the key as the refresh token; whatever a client says of itself is taken."""

    grant_type: str
    refresh_token: str
    scope: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Declared:
    """One route: how it is asked, and each answer there is, by status."""

    method: str
    path: str
    handler: str
    """The method of ``handlers.api.Api`` that answers it."""
    summary: str
    answers: Mapping[int, Any]
    body: Any = None
    form: Any = None
    query: tuple[str, ...] = ()
    """Names of whole numbers in the query."""
    texts: tuple[str, ...] = ()
    """Names of texts in the query."""
    needed: tuple[str, ...] = ()
    """Those of both that must be there."""
    is_open: bool = False
    """Whether it is answered without a key in the header."""


def document(routes: tuple[Declared, ...]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    key = {"type": "http", "scheme": "bearer", "description": "A key: inboxkeeper key create"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inboxkeeper", "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"key": key}},
    }


def _operation(route: Declared, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        _parameter(name, "path", "string", is_needed=True) for name in _PARAMETER.findall(route.path)
    ]
    for names, kind in ((route.query, "integer"), (route.texts, "string")):
        parameters += [_parameter(it, "query", kind, is_needed=it in route.needed) for it in names]
    told: dict[str, Any] = {
        "operationId": route.handler,
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": {"application/json": {"schema": _schema(form, schemas)}},
            }
            for status, form in route.answers.items()
        },
        "security": [] if route.is_open else [{"key": []}],
    }
    if route.body or route.form:
        media = "application/json" if route.body else "application/x-www-form-urlencoded"
        schema = _schema(route.body or route.form, schemas)
        told["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return told


def _parameter(name: str, place: str, kind: str, *, is_needed: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": is_needed, "schema": {"type": kind}}


def _schema(form: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    made = TypeAdapter(form).json_schema(ref_template=_REFS)
    schemas.update(made.pop("$defs", {}))
    if "title" not in made:  # a bare object: OpenAPI's own document
        return made
    schemas[made["title"]] = made
    return {"$ref": _REFS.format(model=made["title"])}
