"""views.*: modals and Home. Rule: a trigger is spent before the view is even looked at."""

from __future__ import annotations

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError, missing_argument
from sandbox.slack.handles import Trigger
from sandbox.slack.methods.base import Method
from sandbox.slack.shapes import view_json
from sandbox.slack.stack import (
    checked,
    open_modal,
    publish_home,
    push_modal,
    redraw,
    refuse_stale,
    refuse_taken_external_id,
)
from sandbox.slack.state import Json, View


def _view_argument(arguments: Arguments, *, kind: str) -> Json:
    view = arguments.structure("view")
    if view is None:
        raise missing_argument("view")
    return checked(view, kind=kind)


def _trigger(core: Core, arguments: Arguments) -> Trigger:
    return core.triggers.exchange(arguments.needed("trigger_id"))


def _from_modal(core: Core, trigger: Trigger) -> bool:
    return any(view.id == trigger.view_id for view in core.workspace.modals.get(trigger.user, []))


def _open(core: Core, arguments: Arguments) -> Json:
    """From inside a modal this piles up like a push; from anywhere else it starts anew."""
    trigger = _trigger(core, arguments)
    body = _view_argument(arguments, kind="modal")
    refuse_taken_external_id(core.workspace, body)
    put = push_modal if _from_modal(core, trigger) else open_modal
    return _answer(core, put(core.workspace, trigger.user, body))


def _push(core: Core, arguments: Arguments) -> Json:
    trigger = _trigger(core, arguments)
    if not _from_modal(core, trigger):
        raise SlackError("invalid_trigger_id")
    body = _view_argument(arguments, kind="modal")
    refuse_taken_external_id(core.workspace, body)
    return _answer(core, push_modal(core.workspace, trigger.user, body))


def _update(core: Core, arguments: Arguments) -> Json:
    view = _wanted(core, arguments)
    body = _view_argument(arguments, kind=view.kind)
    refuse_stale(view, arguments.text("hash"))
    refuse_taken_external_id(core.workspace, body, but=view.id)
    return _answer(core, redraw(core.workspace, view, body))


def _wanted(core: Core, arguments: Arguments) -> View:
    view_id, external_id = arguments.text("view_id"), arguments.text("external_id")
    if (view_id is None) == (external_id is None):
        raise missing_argument("view_id or external_id")
    found = core.workspace.view(view_id) if view_id else _by_external_id(core, str(external_id))
    if found is None:
        raise SlackError("not_found")
    return found


def _by_external_id(core: Core, external_id: str) -> View | None:
    views = [view for stack in core.workspace.modals.values() for view in stack]
    return next((view for view in views if view.body.get("external_id") == external_id), None)


def _publish(core: Core, arguments: Arguments) -> Json:
    if not core.settings.home_tab:
        raise SlackError("not_enabled")
    person = core.known_person(arguments.needed("user_id"))
    body = _view_argument(arguments, kind="home")
    known = core.workspace.homes.get(person.id)
    if known is not None:
        refuse_stale(known, arguments.text("hash"))
    return _answer(core, publish_home(core.workspace, person.id, body))


def _answer(core: Core, view: View) -> Json:
    return {"view": view_json(core.workspace, view)}


METHODS = {
    "views.open": Method(_open),
    "views.push": Method(_push),
    "views.update": Method(_update),
    "views.publish": Method(_publish),
}
