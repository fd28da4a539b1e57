"""Answers everybody in time, whatever the work behind it does.

The one rule: an ack leaves within its budget and nothing is ever raised into Bolt. Work that is ready in
time is its own answer; work that is not goes on, and its answer follows by the way the surface allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bot.domain.errors import (
    AlreadyConnected,
    CannotPostThere,
    DisconnectFirst,
    DomainNotAllowed,
    HostUnknown,
    NeedsApproval,
    NobodyCanApprove,
    NotAnAddress,
    OtherKind,
    ReconnectFirst,
    Refusal,
    SwitchInstead,
    TakesNoMail,
    TooManyRequests,
    UnknownAddress,
)
from bot.domain.ids import UserId, WorkspaceId
from bot.services.people import People
from bot.views.language import Language, language_for
from bot.views.modals import (
    ADDRESS_BLOCK,
    CONVERSATION_BLOCK,
    apology_modal,
    ask_modal,
    busy_modal,
    disconnect_first_modal,
    reconnect_first_modal,
    refusal_modal,
    switch_instead_modal,
    too_many_modal,
    which_host_modal,
)
from bot.views.replies import (
    apology_message,
    busy_message,
    directory_away_message,
    refusal_message,
    too_late_message,
)
from bot.views.words import refusal_words, spelled_out
from handlers.faults import Away, Bug, Refused, attempt
from handlers.payload import Asked, Form, Surface
from handlers.presenting import Ack, Course, Presenter
from handlers.reply import Reply, Turn, Work, as_modal
from handlers.screen import SlackAway, TriggerLost
from handlers.tasks import Tasks, finished

_log = structlog.get_logger(__name__)

_FIELD_AT_FAULT: Final[Mapping[type[Refusal], str]] = {
    NotAnAddress: ADDRESS_BLOCK,
    DomainNotAllowed: ADDRESS_BLOCK,
    TakesNoMail: ADDRESS_BLOCK,
    AlreadyConnected: ADDRESS_BLOCK,
    OtherKind: ADDRESS_BLOCK,
    UnknownAddress: ADDRESS_BLOCK,
    CannotPostThere: CONVERSATION_BLOCK,
}
"""Refusals that belong beside a field of the form."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds. Slack gives three, its network included."""

    ack_within: float = 2.2
    hold_after: float = 1.0
    """After this long a modal opens empty: the click that may open one is about to expire."""


class Answering:
    """Runs the work behind every listener."""

    def __init__(
        self, *, people: People, presenter: Presenter, tasks: Tasks, command: str, pace: Pace | None = None
    ) -> None:
        self._people = people
        self._presenter = presenter
        self._tasks = tasks
        self._command = command
        self._pace = pace or Pace()

    async def answer(self, asked: Asked, work: Work, *, opens: bool = False) -> Ack:
        """Do ``work`` for ``asked`` and return the ack's body. Never raises.

        ``opens`` says that the answer is most likely a modal.
        """
        course = Course.of(asked)
        if self._tasks.is_full:
            _log.warning("Too much at once: a request was put off", form=asked.form.value)
            return self._put_off(course)
        task = self._tasks.start(self._answered(course, work, holds=opens or _holds(asked)))
        if await finished(task, within=self._pace.ack_within):
            return None if task.cancelled() else task.result()
        course.is_late = True
        return self._presenter.waiting(course)

    async def _answered(self, course: Course, work: Work, *, holds: bool) -> Ack:
        reply = await self._reply(course, work, holds=holds)
        shown = await attempt(self._shown(course, reply))
        if isinstance(shown, Bug):
            return await self._last_words(course, apology_message(course.lang, shown.reference))
        if isinstance(shown, Away | Refused):
            return await self._last_words(course, busy_message(course.lang))
        return shown

    async def _shown(self, course: Course, reply: Reply) -> Ack:
        try:
            return await self._presenter.show(course, reply)
        except SlackAway:
            return await self._last_words(course, too_late_message(course.lang))

    async def _last_words(self, course: Course, message: dict[str, Any]) -> Ack:
        """The answer could not be shown as it should be: words may still get through."""
        asked = course.asked
        if asked.form is Form.SUBMISSION and not course.is_late:
            return {"response_action": "update", "view": as_modal(message)}
        try:
            return await self._presenter.say(course, message)
        except SlackAway:
            _log.warning("An answer could not be shown", form=asked.form.value, name=asked.name[:60])
            return None

    async def _reply(self, course: Course, work: Work, *, holds: bool) -> Reply:
        if not holds:
            return await self._done(course, work)
        task = self._tasks.start(self._done(course, work))
        if not await finished(task, within=self._pace.hold_after):
            await self._hold(course)
        return await task

    async def _hold(self, course: Course) -> None:
        try:
            await self._presenter.hold(course)
        except (SlackAway, TriggerLost):
            _log.info("No modal to wait in", name=course.asked.name)

    async def _done(self, course: Course, work: Work) -> Reply:
        asked = course.asked
        course.lang = await language_of(self._people, asked.workspace_id, asked.user_id)
        done = await attempt(work(Turn(asked, course.lang)))
        return done if isinstance(done, Reply) else self._worded(course, done)

    def _worded(self, course: Course, fault: Refused | Away | Bug) -> Reply:
        lang = course.lang
        match fault:
            case Refused(refusal):
                return _way_on(lang, refusal, asker=course.asked.user_id) or Reply(
                    message=refusal_message(lang, refusal, self._command),
                    modal=refusal_modal(lang, refusal),
                    errors=_beside_field(lang, course.asked, refusal),
                )
            case Away(is_slack=True):
                away = directory_away_message(lang)
                return Reply(message=away, modal=as_modal(away))
            case Away():
                return Reply(message=busy_message(lang), modal=busy_modal(lang))
            case Bug(reference):
                return Reply(message=apology_message(lang, reference), modal=apology_modal(lang, reference))

    def _put_off(self, course: Course) -> Ack:
        if course.asked.form is Form.COMMAND:
            return {"response_type": "ephemeral", **busy_message(course.lang)}
        if course.asked.form is Form.SUBMISSION:
            return {"response_action": "update", "view": busy_modal(course.lang)}
        return None


async def language_of(people: People, workspace_id: WorkspaceId, user_id: UserId) -> Language:
    return language_for(await people.locale_of(workspace_id, user_id))


def _holds(asked: Asked) -> bool:
    """Clicks on Home and in modals are answered in modals."""
    return asked.form is Form.ACTION and asked.surface in {Surface.HOME, Surface.MODAL}


def _way_on(lang: Language, refusal: Refusal, *, asker: UserId) -> Reply | None:
    """A refusal that leads on by a button or a form, wherever it was met; ``None`` for those that do not."""
    match refusal:
        case NeedsApproval():
            return _asking(lang, refusal, asker=asker)
        case TooManyRequests():
            view = too_many_modal(lang, refusal)
        case HostUnknown():
            view = which_host_modal(lang, refusal)
        case SwitchInstead():
            view = switch_instead_modal(lang, refusal)
        case DisconnectFirst():
            view = disconnect_first_modal(lang, refusal)
        case ReconnectFirst():
            view = reconnect_first_modal(lang, refusal)
        case _:
            return None
    return Reply(modal=view)


def _asking(lang: Language, needed: NeedsApproval, *, asker: UserId) -> Reply:
    """An admin must agree first: the form that asks them, wherever the wish was made."""
    who_can = tuple(who for who in needed.who_can if who != asker)
    if not who_can:
        return Reply(modal=refusal_modal(lang, NobodyCanApprove()))
    return Reply(modal=ask_modal(lang, needed.wish, who_can=who_can))


def _beside_field(lang: Language, asked: Asked, refusal: Refusal) -> dict[str, str]:
    field = _FIELD_AT_FAULT.get(type(refusal))
    if field is None or field not in asked.fields or asked.form is not Form.SUBMISSION:
        return {}
    # What stands beside a field is plain text: it can mention nobody.
    words = spelled_out(lang, refusal_words(lang, refusal))
    return {field: lang.together(words.text, words.next_step)}
