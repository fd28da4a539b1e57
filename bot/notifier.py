"""Shows notices in Slack: renders them in the reader's language and translates Slack's errors into ours.

It keeps no state and decides nothing: ``bot.services.messaging.delivery`` does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import MessageGone, PersonUnreachable, SlackAway, SlackError, TokenDead
from bot.domain.features import Feature
from bot.domain.ids import ConversationId, UserId
from bot.domain.notice import Posted
from bot.domain.ticket import TicketOutcome
from bot.domain.view_models import NoticeModel
from bot.slack.answers import NoAnswer, SlackRefused, answer_to, cursor_in, parts_at, text_at
from bot.views import messages
from bot.views.blocks import Message
from bot.views.i18n import language_for
from bot.views.modals import outcome_modal

Clock = Callable[[], datetime]
EVENT_TYPE: Final = "inboxkeeper_notice"
"""The metadata event type of our messages; its payload carries ids only."""

_HISTORY_PAGES: Final = 5
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=2)
"""Slack stamps messages with its own clock."""
_TIMEOUT: Final = 10.0

_APART: Final = {"chat.postMessage": timedelta(seconds=0.2)}
"""Several hundred posts a minute in a workspace."""
_MOSTLY_APART: Final = timedelta(seconds=1.2)
"""Fifty calls of a method a minute: Slack's third tier, which all others that we use have at least."""

_ERRORS: Final[dict[str, type[SlackError]]] = {
    "channel_not_found": PersonUnreachable,
    "user_not_found": PersonUnreachable,
    "user_disabled": PersonUnreachable,
    "user_not_visible": PersonUnreachable,
    "users_not_found": PersonUnreachable,
    "cannot_dm_bot": PersonUnreachable,
    "messages_tab_disabled": PersonUnreachable,
    "restricted_action": PersonUnreachable,
    "is_archived": PersonUnreachable,
    "not_in_channel": PersonUnreachable,
    "message_not_found": MessageGone,
    "thread_not_found": MessageGone,
    "cannot_reply_to_message": MessageGone,
    "cant_update_message": MessageGone,
    "edit_window_closed": MessageGone,
    "invalid_auth": TokenDead,
    "account_inactive": TokenDead,
    "token_revoked": TokenDead,
    "token_expired": TokenDead,
    "not_authed": TokenDead,
}
"""Everything else, known or new, is *away*: tried again, and given up after three days."""

_CLOSED_VIEW: Final = frozenset({"not_found", "view_not_found", "expired_trigger_id"})


class SlackMessenger:
    """``bot.services.core.ports.Messenger`` over the Web API."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._pace = PostingRate(clock)

    async def is_there(self) -> bool:
        try:
            await self._asked("auth.test", self._client.auth_test)
        except TokenDead:
            return False
        return True

    async def open_dm(self, user_id: UserId) -> ConversationId:
        opened = self._asked("conversations.open", lambda: self._client.conversations_open(users=user_id))
        answer = await opened
        return ConversationId(_told(answer, "channel", "id"))

    async def post(self, to: ConversationId | UserId, model: NoticeModel, *, nonce: str) -> Posted:
        message = rendered(model)
        answer = await self._asked(
            "chat.postMessage",
            lambda: self._client.chat_postMessage(
                channel=to,
                text=message["text"],
                blocks=message["blocks"],
                metadata={
                    "event_type": EVENT_TYPE,
                    "event_payload": {"notice": model.notice.id, "nonce": nonce},
                },
                thread_ts=model.replies_to,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return Posted(ConversationId(_told(answer, "channel")), _told(answer, "ts"))

    async def edit(self, conversation: ConversationId, ts: str, model: NoticeModel) -> None:
        message = rendered(model)
        await self._asked(
            "chat.update",
            lambda: self._client.chat_update(
                channel=conversation, ts=ts, text=message["text"], blocks=message["blocks"]
            ),
        )

    async def find(
        self, conversation: ConversationId, nonce: str, *, since: datetime, thread: str | None
    ) -> str | None:
        cursor = ""
        for _ in range(_HISTORY_PAGES):
            oldest = f"{(since - _CLOCKS_DIFFER_BY).timestamp():.6f}"
            page = await self._history(conversation, oldest, cursor, thread)
            if (found := _carrying(nonce, page)) is not None:
                return found
            if not (cursor := cursor_in(page)):
                break
        return None

    async def _history(
        self, conversation: ConversationId, oldest: str, cursor: str, thread: str | None
    ) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "channel": conversation,
            "oldest": oldest,
            "cursor": cursor or None,
            "include_all_metadata": True,
            "limit": 100,
        }
        if thread is None:
            asking, method = self._client.conversations_history, "conversations.history"
            return await self._asked(method, lambda: asking(**wanted))
        replies = self._client.conversations_replies
        return await self._asked("conversations.replies", lambda: replies(ts=thread, **wanted))

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        """Say in a team's conversation that its address will be watched. Raises ``PersonUnreachable``
        when the bot is not in there."""
        message = messages.hello_notice(language_for(locale), address=address, actor=actor)
        await self._asked(
            "chat.postMessage",
            lambda: self._client.chat_postMessage(
                channel=conversation,
                text=message["text"],
                blocks=message["blocks"],
                unfurl_links=False,
                unfurl_media=False,
            ),
        )

    async def show_outcome(
        self,
        view_id: str,
        outcome: TicketOutcome,
        *,
        provider_label: str,
        may_ask_admin: bool,
        lacking: tuple[Feature, ...],
    ) -> None:
        lang = language_for(outcome.ticket.locale)
        view = outcome_modal(
            lang,
            outcome,
            provider_label=provider_label,
            may_ask_admin=may_ask_admin,
            lacking=lacking,
        )
        try:
            await self._asked("views.update", lambda: self._client.views_update(view_id=view_id, view=view))
        except SlackError as error:
            if error.code not in _CLOSED_VIEW:
                raise

    async def _asked(self, method: str, call: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
        """Slack's answer, unless this method is to be left alone for a while. Raises ``SlackError``s only."""
        self._pace.check(method)
        try:
            return await _answer(call)
        except SlackAway as error:
            if error.retry_after is not None:
                self._pace.rest(method, error.retry_after)
            raise


class PostingRate:
    """Which methods Slack wants left alone, and until when: a 429 counts for the whole workspace, whoever
    the message was for. Who has to wait stands in line, so that the end of the pause is no rush."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[str, datetime] = {}
        self._asked_at: dict[str, datetime] = {}
        self._last_turn: dict[str, datetime] = {}

    def check(self, method: str) -> None:
        """Raises ``SlackAway`` while ``method`` rests, with how long this caller had better wait."""
        now = self._clock()
        if now < self._asked_at.get(method, now):  # the clock was put back: what it said before is void
            for known in (self._asked_at, self._free_at, self._last_turn):
                known.pop(method, None)
        free_at = self._free_at.get(method)
        if free_at is not None and free_at > now:
            turn = max(free_at, self._last_turn.get(method, free_at)) + _APART.get(method, _MOSTLY_APART)
            self._last_turn[method] = turn
            raise SlackAway("ratelimited", turn - now)

    def rest(self, method: str, span: timedelta) -> None:
        self._asked_at[method] = self._clock()
        until = self._asked_at[method] + span
        self._free_at[method] = max(until, self._free_at.get(method, until))


def rendered(model: NoticeModel) -> Message:
    """The message that ``picture`` is now, in its reader's language."""
    return messages.VIEWS[model.notice.kind](language_for(model.locale), model)


def _told(answer: Mapping[str, Any], *path: str) -> str:
    """What Slack's answer must say. Raises ``SlackAway``: something else has answered."""
    try:
        return text_at(answer, *path)
    except NoAnswer as error:
        raise SlackAway(error.code) from None


def _carrying(nonce: str, page: Mapping[str, Any]) -> str | None:
    """The id of the message on a page of history that carries ``nonce``. Raises ``SlackAway``."""
    try:
        messages = parts_at(page, "messages")
    except NoAnswer as error:
        raise SlackAway(error.code) from None
    return next((_told(message, "ts") for message in messages if _nonce_of(message) == nonce), None)


def _nonce_of(message: Mapping[str, Any]) -> object:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return payload.get("nonce") if isinstance(payload, dict) else None


async def _answer(call: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    """Slack's answer. Raises ``SlackError``s only."""
    try:
        return await answer_to(call(), within=_TIMEOUT)
    except SlackRefused as refused:
        raise _ERRORS.get(refused.code, SlackAway)(refused.code) from refused
    except NoAnswer as away:
        raise SlackAway(away.code, away.retry_after) from away
