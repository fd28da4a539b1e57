"""Answers everybody in time, whatever the work behind it does, and where the person stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bot.domain.errors import (
    AlreadyConnected,
    CannotPostThere,
    DisconnectFirst,
    DomainNotAllowed,
    HostUnknown,
    InOrder,
    NeedsApproval,
    NobodyCanApprove,
    NotAnAddress,
    OtherKind,
    OwnerLeft,
    ReconnectFirst,
    Refusal,
    SlackAway,
    SwitchInstead,
    TakesNoMail,
    TooManyRequests,
    TriggerLost,
    UnknownAddress,
)
from bot.domain.ids import UserId
from bot.services.people.people import People
from bot.slack.views_api import ViewsApi
from bot.views.blocks import Block, has_chart, without_charts
from bot.views.i18n import Language, language_for
from bot.views.modals import (
    ADDRESS_BLOCK,
    CONVERSATION_BLOCK,
    apology_modal,
    ask_modal,
    busy_modal,
    disconnect_first_modal,
    form_again,
    in_order_modal,
    owner_left_modal,
    reconnect_first_modal,
    refusal_modal,
    switch_instead_modal,
    too_many_modal,
    which_host_modal,
    working_modal,
)
from bot.views.replies import (
    apology_message,
    busy_message,
    directory_away_message,
    refusal_message,
    slack_away_message,
    too_late_message,
    working_message,
)
from bot.views.wording import refusal_words, spelled_out
from handlers.context import Interaction, Message, Response, View, Work, as_modal
from handlers.errors import Away, Bug, Refused, attempt
from handlers.slack_request import RequestKind, SlackRequest, Surface, language_of
from handlers.tasks import Tasks, finished
from storage import patient

_log = structlog.get_logger(__name__)

Ack = dict[str, Any] | None
"""The body of an acknowledgement; ``None`` is an empty one."""


@dataclass
class Exchange:
    """One request under way. The only thing here that changes."""

    request: SlackRequest
    lang: Language
    is_late: bool = False
    """The ack has left without the answer."""
    view_id: str = ""
    """The modal in which the answer will stand: the one that was clicked in, or one opened to wait in."""

    @classmethod
    def of(cls, request: SlackRequest) -> Exchange:
        is_in_modal = request.surface is Surface.MODAL
        return cls(request, language_for(None), view_id=request.view_id if is_in_modal else "")

    @property
    def has_conversation(self) -> bool:
        return self.request.surface in {Surface.COMMAND, Surface.MESSAGE}


class Presenter:
    """Shows replies."""

    def __init__(self, views_api: ViewsApi) -> None:
        self._views_api = views_api

    async def show(self, exchange: Exchange, reply: Response) -> Ack:
        """Show ``reply``; returns the ack's body where the ack is the answer. Raises ``SlackAway``."""
        if reply.is_silent:
            return None
        if exchange.request.form is RequestKind.SUBMISSION:
            return await self._in_form(exchange, reply)
        if exchange.view_id:
            return await self._redraw(exchange, reply)
        if exchange.has_conversation and reply.message is not None:
            return await self.say(
                exchange, reply.message, replace=reply.replaces and exchange.request.is_ephemeral
            )
        return await self._open(exchange, reply)

    async def say(self, exchange: Exchange, message: Message, *, replace: bool = False) -> Ack:
        """Words for the asker alone. Where nothing can be said, nothing is.

        A chart goes where a refusal is heard: a Slack that cannot draw it refuses the whole message, and of
        an ack that it refuses nobody learns.
        """
        if has_chart(message):
            if await self._drew(exchange, message, replace=replace):
                return None
            message = without_charts(message)
        if exchange.request.surface is Surface.COMMAND and not exchange.is_late:
            return _for_the_asker(message)
        if exchange.request.response_url:
            await self._views_api.respond(exchange.request.response_url, message, replace=replace)
        return None

    async def _drew(self, exchange: Exchange, message: Message, *, replace: bool) -> bool:
        if not exchange.request.response_url:
            return False
        try:
            await self._views_api.respond(exchange.request.response_url, message, replace=replace)
        except SlackAway as refused:
            _log.info("A chart was not taken", code=refused.code)
            return False
        return True

    async def hold(self, exchange: Exchange) -> None:
        """Show at once that something is coming: a click opens a modal for three seconds only."""
        view = working_modal(exchange.lang)
        if exchange.view_id:
            await self._views_api.update(exchange.view_id, view)
        elif exchange.request.trigger_id:
            exchange.view_id = await self._views_api.open(exchange.request.trigger_id, view)

    def waiting(self, exchange: Exchange) -> Ack:
        """The ack of a request whose answer is not ready."""
        if exchange.request.form is RequestKind.SUBMISSION:
            return {"response_action": "update", "view": working_modal(exchange.lang)}
        if exchange.request.form is RequestKind.COMMAND and not exchange.view_id:
            return _for_the_asker(working_message(exchange.lang))
        return None

    async def _in_form(self, exchange: Exchange, reply: Response) -> Ack:
        await _tell(reply, exchange.view_id)
        if exchange.is_late:
            await self._views_api.update(exchange.view_id, _as_view(reply))
            return None
        if reply.errors:
            return {"response_action": "errors", "errors": dict(reply.errors)}
        return {"response_action": "update", "view": _as_view(reply)}

    async def _redraw(self, exchange: Exchange, reply: Response) -> Ack:
        if await self._views_api.update(exchange.view_id, _as_view(reply)):
            await _tell(reply, exchange.view_id)
        return None

    async def _open(self, exchange: Exchange, reply: Response) -> Ack:
        try:
            view_id = await self._views_api.open(exchange.request.trigger_id, _as_view(reply))
        except TriggerLost:
            return await self.say(exchange, too_late_message(exchange.lang))
        await _tell(reply, view_id)
        return None


def as_ack(request: SlackRequest, reply: Response) -> Ack:
    """``reply`` where the ack shows it and nothing need be waited for; else ``None``."""
    if request.surface is not Surface.COMMAND or reply.message is None or has_chart(reply.message):
        return None
    return _for_the_asker(reply.message)


def _for_the_asker(message: Message) -> dict[str, Any]:
    return {"response_type": "ephemeral", **message}


async def _options(work: Awaitable[Sequence[Block]]) -> Sequence[Block]:
    found = await attempt(work)
    return () if isinstance(found, Bug | Away | Refused) else found


async def _tell(reply: Response, view_id: str) -> None:
    """Say which modal shows the reply. If that fails, the modal stays as it is: no reason to take it away."""
    if reply.then is not None and view_id:
        await attempt(reply.then(view_id))


def _as_view(reply: Response) -> View:
    if reply.modal is not None:
        return reply.modal
    assert reply.message is not None
    return as_modal(reply.message)


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
class ResponseBudget:
    """How long things may take, in seconds. Slack gives three, its network included."""

    ack_within: float = 2.2
    hold_after: float = 1.0
    """After this long a modal opens empty: the click that may open one is about to expire."""
    patience: float = 15.0
    """So long an answer waits for a connection to the database: once Slack has its ack, *One moment, please*,
    it is better late than an apology."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Lets so many seconds pass, where Slack wants to be left alone."""


class Responder:
    """Runs the work behind every listener."""

    def __init__(
        self,
        *,
        people: People,
        presenter: Presenter,
        tasks: Tasks,
        command: str,
        budget: ResponseBudget | None = None,
    ) -> None:
        self._people = people
        self._presenter = presenter
        self._tasks = tasks
        self._command = command
        self._budget = budget or ResponseBudget()

    async def answer(self, request: SlackRequest, work: Work, *, opens: bool = False) -> Ack:
        """Do ``work`` for ``request`` and return the ack's body. Never raises.

        ``opens`` says that the answer is most likely a modal.
        """
        exchange = Exchange.of(request)
        if self._tasks.is_full:
            _log.warning("Too much at once: a request was put off", form=request.form.value)
            return self._put_off(exchange)
        with patient(self._budget.patience):
            task = self._tasks.start(self._answered(exchange, work, holds=opens or _holds(request)))
        if await finished(task, within=self._budget.ack_within):
            return None if task.cancelled() else task.result()
        exchange.is_late = True
        return self._presenter.waiting(exchange)

    async def suggest(self, work: Callable[[], Awaitable[Sequence[Block]]]) -> Ack:
        """Options for what somebody types. None where they cannot be had in time, or not by them: Slack has
        no place for words there. Never raises."""
        if self._tasks.is_full:
            return {"options": []}
        task = self._tasks.start(_options(work()))
        if await finished(task, within=self._budget.ack_within) and not task.cancelled():
            return {"options": list(task.result())}
        return {"options": []}

    async def _answered(self, exchange: Exchange, work: Work, *, holds: bool) -> Ack:
        reply = await self._reply(exchange, work, holds=holds)
        shown = await attempt(self._shown(exchange, reply))
        if isinstance(shown, Bug):
            return await self._last_words(exchange, apology_message(exchange.lang, shown.reference))
        if isinstance(shown, Away | Refused):
            return await self._last_words(exchange, busy_message(exchange.lang))
        return shown

    async def _shown(self, exchange: Exchange, reply: Response) -> Ack:
        try:
            return await self._presenter.show(exchange, reply)
        except SlackAway:
            return await self._last_words(exchange, too_late_message(exchange.lang))

    async def _last_words(self, exchange: Exchange, message: dict[str, Any]) -> Ack:
        """The answer could not be shown as it should be: words may still get through."""
        request = exchange.request
        if request.form is RequestKind.SUBMISSION and not exchange.is_late:
            return {"response_action": "update", "view": as_modal(message)}
        try:
            return await self._presenter.say(exchange, message)
        except SlackAway:
            _log.warning("An answer could not be shown", form=request.form.value, name=request.name[:60])
            return None

    async def _reply(self, exchange: Exchange, work: Work, *, holds: bool) -> Response:
        if not holds:
            return await self._done(exchange, work)
        task = self._tasks.start(self._done(exchange, work))
        if not await finished(task, within=self._budget.hold_after):
            await self._hold(exchange)
        return await task

    async def _hold(self, exchange: Exchange) -> None:
        try:
            await self._presenter.hold(exchange)
        except (SlackAway, TriggerLost):
            _log.info("No modal to wait in", name=exchange.request.name)

    async def _done(self, exchange: Exchange, work: Work) -> Response:
        request = exchange.request
        exchange.lang = await language_of(self._people, request.workspace_id, request.user_id)
        done = await attempt(work(Interaction(request, exchange.lang)))
        return done if isinstance(done, Response) else self._worded(exchange, done)

    def _worded(self, exchange: Exchange, fault: Refused | Away | Bug) -> Response:
        lang = exchange.lang
        match fault:
            case Refused(refusal):
                return _way_on(lang, refusal, asker=exchange.request.user_id) or Response(
                    message=refusal_message(lang, refusal, self._command),
                    modal=refusal_modal(lang, refusal),
                    errors=_beside_field(lang, exchange.request, refusal),
                )
            case Away("directory" | "slack" as whom):
                away = directory_away_message(lang) if whom == "directory" else slack_away_message(lang)
                kept = _kept(exchange, away)
                return Response(message=away, modal=kept or as_modal(away))
            case Away():
                busy = busy_message(lang)
                return Response(message=busy, modal=_kept(exchange, busy) or busy_modal(lang))
            case Bug(reference):
                return Response(
                    message=apology_message(lang, reference), modal=apology_modal(lang, reference)
                )

    def _put_off(self, exchange: Exchange) -> Ack:
        if exchange.request.form is RequestKind.COMMAND:
            return _for_the_asker(busy_message(exchange.lang))
        if exchange.request.form is RequestKind.SUBMISSION:
            view = _kept(exchange, busy_message(exchange.lang)) or busy_modal(exchange.lang)
            return {"response_action": "update", "view": view}
        return None


def _kept(exchange: Exchange, away: Message) -> View | None:
    """Whoever did not answer may answer in a minute: the form stays, with what was typed and chosen in it."""
    if exchange.request.surface is not Surface.MODAL:
        return None
    return form_again(exchange.lang, exchange.request.view, away["text"])


def _holds(request: SlackRequest) -> bool:
    """Clicks on Home and in modals are answered in modals."""
    return request.form is RequestKind.ACTION and request.surface in {Surface.HOME, Surface.MODAL}


def _way_on(lang: Language, refusal: Refusal, *, asker: UserId) -> Response | None:
    """A refusal that leads on by a button or a form, wherever it was met; ``None`` for those that do not."""
    match refusal:
        case NeedsApproval():
            return _asking(lang, refusal, asker=asker)
        case TooManyRequests():
            view = too_many_modal(lang, refusal)
        case HostUnknown():
            view = which_host_modal(lang, refusal)
        case InOrder():
            view = in_order_modal(lang, refusal)
        case SwitchInstead():
            view = switch_instead_modal(lang, refusal)
        case DisconnectFirst():
            view = disconnect_first_modal(lang, refusal)
        case OwnerLeft():
            view = owner_left_modal(lang, refusal)
        case ReconnectFirst():
            view = reconnect_first_modal(lang, refusal)
        case _:
            return None
    return Response(modal=view)


def _asking(lang: Language, needed: NeedsApproval, *, asker: UserId) -> Response:
    """An admin must agree first: the form that asks them, wherever the wish was made."""
    who_can = tuple(who for who in needed.who_can if who != asker)
    if not who_can:
        return Response(modal=refusal_modal(lang, NobodyCanApprove()))
    return Response(modal=ask_modal(lang, needed.requested_change, who_can=who_can))


def _beside_field(lang: Language, request: SlackRequest, refusal: Refusal) -> dict[str, str]:
    field = _FIELD_AT_FAULT.get(type(refusal))
    if field is None or field not in request.fields or request.form is not RequestKind.SUBMISSION:
        return {}
    # What stands beside a field is plain text: it can mention nobody.
    words = spelled_out(lang, refusal_words(lang, refusal))
    return {field: lang.together(words.text, words.next_step)}
