"""What Slack sent, as one typed value.

The one rule: whatever stands in a payload, reading it ends in a ``SlackRequest`` or in ``Malformed``; nothing
downstream meets a wrong type, nor a text that cannot be written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from bot.domain.ids import UserId, WorkspaceId
from bot.services.people.people import People
from bot.slack.client import clean
from bot.views.i18n import Language, language_for

Json = Mapping[str, Any]


class Malformed(ValueError):
    """No payload of Slack's looks like this."""


class RequestKind(StrEnum):
    """What kind of payload it is: chooses the listener."""

    COMMAND = "command"
    ACTION = "block_actions"
    SUBMISSION = "view_submission"
    CLOSED = "view_closed"
    SUGGESTION = "block_suggestion"
    EVENT = "event_callback"
    OTHER = "other"


class Surface(StrEnum):
    """Where the person stands: chooses how they can be answered."""

    COMMAND = "command"
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class SlackRequest:
    """One command, click, form or event."""

    form: RequestKind
    workspace_id: WorkspaceId
    user_id: UserId
    name: str
    """The command, the action id, the callback id or the event's type."""
    surface: Surface = Surface.NOWHERE
    key: str = ""
    """Slack's own id of this very request: the same when it is delivered again."""
    trigger_id: str = field(default="", repr=False)
    response_url: str = field(default="", repr=False)
    text: str = ""
    """What was typed after the command, or into a field that searches."""
    value: str = ""
    """What the button carries or was chosen, or the form's private metadata."""
    view_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What stands in the dialog, by block id: typed or chosen."""
    view: Json = field(default_factory=dict, repr=False)
    """The dialog as it stood: to show it once more with what was typed in it."""
    is_link: bool = False
    """A button that only opens an address: Slack reports it all the same."""
    is_ephemeral: bool = False
    event: Json = field(default_factory=dict)


_LONGEST_ID: Final = 255
"""Slack's are a tenth of that; what is looked up by must fit an index."""
_INTERACTIVE: Final = {
    form.value: form for form in (RequestKind.ACTION, RequestKind.SUBMISSION, RequestKind.CLOSED)
}
_FILLED_IN: Final = frozenset({RequestKind.ACTION, RequestKind.SUBMISSION})
_CHOICES: Final = ("value", "selected_user", "selected_conversation")


def read(body: Json, home: str = "") -> SlackRequest:
    """Type a payload. ``home`` is the workspace that is served: where Slack names several, being among them
    is enough to be heard, and the directory says who is a member. Raises ``Malformed``."""
    kind = _id(body, "type")
    if kind == RequestKind.EVENT.value:
        return _event(body, home)
    if kind in _INTERACTIVE:
        return _interaction(body, _INTERACTIVE[kind], home)
    if kind == RequestKind.SUGGESTION and "action_id" in body:
        return _suggestion(body, home)
    if "command" in body:
        return _command(body)
    if not kind:
        raise Malformed("neither a command nor a type")
    return _other(body, kind)


def _command(body: Json) -> SlackRequest:
    return SlackRequest(
        form=RequestKind.COMMAND,
        surface=Surface.COMMAND,
        # An organisation's own installation may name no workspace.
        workspace_id=WorkspaceId(_id(body, "team_id") or _needed(body, "enterprise_id")),
        user_id=UserId(_needed(body, "user_id")),
        name=_needed(body, "command"),
        text=_text(body, "text"),
        key=_id(body, "trigger_id"),
        trigger_id=_id(body, "trigger_id"),
        response_url=_text(body, "response_url"),
    )


def _interaction(body: Json, form: RequestKind, home: str) -> SlackRequest:
    view = _part(body, "view")
    action = _action(body) if form is RequestKind.ACTION else {}
    container = _part(body, "container")
    return SlackRequest(
        form=form,
        surface=_surface(form, view, container),
        workspace_id=_workspace(body, view, home),
        user_id=UserId(_needed(_part(body, "user"), "id")),
        name=_needed(action, "action_id") if action else _id(view, "callback_id"),
        key=_id(body, "trigger_id"),
        trigger_id=_id(body, "trigger_id"),
        response_url=_text(body, "response_url"),
        value=_value(action) if action else _text(view, "private_metadata"),
        view_id=_id(view, "id"),
        fields=_fields(view) if form in _FILLED_IN else {},
        view=view if form in _FILLED_IN else {},
        is_link=bool(_text(action, "url")),
        is_ephemeral=container.get("is_ephemeral") is True,
    )


def _suggestion(body: Json, home: str) -> SlackRequest:
    view = _part(body, "view")
    return SlackRequest(
        form=RequestKind.SUGGESTION,
        workspace_id=_workspace(body, view, home),
        user_id=UserId(_needed(_part(body, "user"), "id")),
        name=_needed(body, "action_id"),
        text=_text(body, "value"),
    )


def _event(body: Json, home: str) -> SlackRequest:
    event = _part(body, "event")
    return SlackRequest(
        form=RequestKind.EVENT,
        workspace_id=_workspace_of_event(body, home),
        user_id=UserId(_user_of(event)),
        name=_needed(event, "type"),
        key=_id(body, "event_id"),
        event=event,
    )


def _other(body: Json, kind: str) -> SlackRequest:
    """Shortcuts, suggestions and what Slack may invent: known well enough to be answered politely."""
    team, user = _part(body, "team"), _part(body, "user")
    return SlackRequest(
        form=RequestKind.OTHER,
        workspace_id=WorkspaceId(_id(team, "id") or _id(body, "team_id")),
        user_id=UserId(_id(user, "id")),
        name=kind,
    )


def _surface(form: RequestKind, view: Json, container: Json) -> Surface:
    if view:
        return Surface.HOME if view.get("type") == "home" else Surface.MODAL
    if form is RequestKind.ACTION and container.get("type") == "message":
        return Surface.MESSAGE
    raise Malformed("a click or a form without a place")


def _workspace(body: Json, view: Json, home: str) -> WorkspaceId:
    """Whose app was used. A member of an organisation may belong to several workspaces, and the one that
    stands beside their name may be any of them; so may a stranger's in a shared conversation."""
    user, team = _part(body, "user"), _part(body, "team")
    named = (
        _id(user, "team_id"),
        _id(team, "id"),
        _id(view, "team_id"),
        _id(view, "app_installed_team_id"),
        _id(_part(body, "enterprise"), "id"),
    )
    return _one_of(named, home)


def _workspace_of_event(body: Json, home: str) -> WorkspaceId:
    """Whom the event was sent to: what happened may have happened in another workspace."""
    authorizations = body.get("authorizations") or []
    if not isinstance(authorizations, list) or not all(isinstance(it, dict) for it in authorizations):
        raise Malformed("authorizations are no list of objects")
    named = (
        _id(body, "team_id"),
        *(_id(it, "team_id") for it in authorizations),
        _id(body, "context_team_id"),
        *(_id(it, "enterprise_id") for it in authorizations),
    )
    return _one_of(named, home)


def _one_of(named: Sequence[str], home: str) -> WorkspaceId:
    if home and home in named:
        return WorkspaceId(home)
    found = next(filter(None, named), "")
    if not found:
        raise Malformed("no workspace is named")
    return WorkspaceId(found)


def _action(body: Json) -> Json:
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise Malformed("a click on nothing")
    return actions[0]


def _value(element: Json) -> str:
    """What a button carries, or what was typed or chosen in any other element."""
    found = (_text(element, name) for name in _CHOICES)
    one = next(filter(None, found), "") or _text(_part(element, "selected_option"), "value")
    return one or " ".join(_text(option, "value") for option in _options(element))


def _options(element: Json) -> list[Json]:
    """What is ticked, where several may be."""
    options = element.get("selected_options") or []
    if not isinstance(options, list) or not all(isinstance(it, dict) for it in options):
        raise Malformed("selected_options are no list of objects")
    return options


def _fields(view: Json) -> dict[str, str]:
    """The inputs' values by block id; an empty input is an empty text, several choices are words."""
    values = _part(_part(view, "state"), "values")
    read_: dict[str, str] = {}
    for block, elements in values.items():
        if not isinstance(elements, dict):
            raise Malformed("state that is no state")
        for element in elements.values():
            read_[clean(block)] = _value(element) if isinstance(element, dict) else ""
    return read_


def _user_of(event: Json) -> str:
    user = event.get("user")
    return _id(user, "id") if isinstance(user, dict) else _id(event, "user")


def _part(body: Json, name: str) -> Json:
    part = body.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise Malformed(f"{name} is no object")
    return part


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return clean(value)


def _id(body: Json, name: str) -> str:
    """One of Slack's own names for things; empty if it is missing."""
    value = _text(body, name)
    if len(value) > _LONGEST_ID:
        raise Malformed(f"{name} is too long")
    return value


def _needed(body: Json, name: str) -> str:
    value = _id(body, name)
    if not value:
        raise Malformed(f"{name} is missing")
    return value


async def language_of(people: People, workspace_id: WorkspaceId, user_id: UserId) -> Language:
    """What somebody reads, as Slack says."""
    return language_for(await people.locale_of(workspace_id, user_id))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to Slack: a status for HTTP, and the ack's body for both transports."""

    status: int = 200
    body: dict[str, Any] | None = None


class Dispatcher(Protocol):
    """Takes in what Slack sends, over either transport."""

    async def dispatch(self, body: Json) -> Answer:
        """Answer one payload that is known to come from Slack. Never raises."""
