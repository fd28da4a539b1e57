"""Brings a reply to where the person stands: an ack, a modal, or an answer that follows.

The one rule: a modal that is open already is redrawn rather than covered by another; where there is no
conversation to answer in (Home), words are shown as a modal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.views.language import Language, language_for
from bot.views.modals import working_modal
from bot.views.replies import too_late_message, working_message
from handlers.faults import attempt
from handlers.payload import Asked, Form, Surface
from handlers.reply import Message, Reply, View, as_modal
from handlers.screen import Screen, TriggerLost

Ack = dict[str, Any] | None
"""The body of an acknowledgement; ``None`` is an empty one."""


@dataclass
class Course:
    """One request under way. The only thing here that changes."""

    asked: Asked
    lang: Language
    is_late: bool = False
    """The ack has left without the answer."""
    view_id: str = ""
    """The modal in which the answer will stand: the one that was clicked in, or one opened to wait in."""

    @classmethod
    def of(cls, asked: Asked) -> Course:
        is_in_modal = asked.surface is Surface.MODAL
        return cls(asked, language_for(None), view_id=asked.view_id if is_in_modal else "")

    @property
    def has_conversation(self) -> bool:
        return self.asked.surface in {Surface.COMMAND, Surface.MESSAGE}


class Presenter:
    """Shows replies."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def show(self, course: Course, reply: Reply) -> Ack:
        """Show ``reply``; returns the ack's body where the ack is the answer. Raises ``SlackAway``."""
        if reply.is_silent:
            return None
        if course.asked.form is Form.SUBMISSION:
            return await self._in_form(course, reply)
        if course.view_id:
            return await self._redraw(course, reply)
        if course.has_conversation and reply.message is not None:
            return await self.say(course, reply.message, replace=reply.replaces and course.asked.is_ephemeral)
        return await self._open(course, reply)

    async def say(self, course: Course, message: Message, *, replace: bool = False) -> Ack:
        """Words for the asker alone. Where nothing can be said, nothing is."""
        if course.asked.surface is Surface.COMMAND and not course.is_late:
            return {"response_type": "ephemeral", **message}
        if course.asked.response_url:
            await self._screen.respond(course.asked.response_url, message, replace=replace)
        return None

    async def hold(self, course: Course) -> None:
        """Show at once that something is coming: a click opens a modal for three seconds only."""
        view = working_modal(course.lang)
        if course.view_id:
            await self._screen.update(course.view_id, view)
        elif course.asked.trigger_id:
            course.view_id = await self._screen.open(course.asked.trigger_id, view)

    def waiting(self, course: Course) -> Ack:
        """The ack of a request whose answer is not ready."""
        if course.asked.form is Form.SUBMISSION:
            return {"response_action": "update", "view": working_modal(course.lang)}
        if course.asked.form is Form.COMMAND and not course.view_id:
            return {"response_type": "ephemeral", **working_message(course.lang)}
        return None

    async def _in_form(self, course: Course, reply: Reply) -> Ack:
        await _tell(reply, course.view_id)
        if course.is_late:
            await self._screen.update(course.view_id, _as_view(reply))
            return None
        if reply.errors:
            return {"response_action": "errors", "errors": dict(reply.errors)}
        return {"response_action": "update", "view": _as_view(reply)}

    async def _redraw(self, course: Course, reply: Reply) -> Ack:
        if await self._screen.update(course.view_id, _as_view(reply)):
            await _tell(reply, course.view_id)
        return None

    async def _open(self, course: Course, reply: Reply) -> Ack:
        try:
            view_id = await self._screen.open(course.asked.trigger_id, _as_view(reply))
        except TriggerLost:
            return await self.say(course, too_late_message(course.lang))
        await _tell(reply, view_id)
        return None


async def _tell(reply: Reply, view_id: str) -> None:
    """Say which modal shows the reply. If that fails, the modal stays as it is: no reason to take it away."""
    if reply.then is not None and view_id:
        await attempt(reply.then(view_id))


def _as_view(reply: Reply) -> View:
    if reply.modal is not None:
        return reply.modal
    assert reply.message is not None
    return as_modal(reply.message)
