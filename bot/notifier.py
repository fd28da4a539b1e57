"""Shows notices in Slack: renders them in the reader's language and translates Slack's errors into ours.

It keeps no state and decides nothing: ``bot.services.messaging.delivery`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot.domain.errors import MessageGone, PersonUnreachable, SlackAway, SlackError, SlackRefused, TokenDead
from bot.domain.features import Feature
from bot.domain.ids import ConversationId, UserId
from bot.domain.notice import EditRoom, Posted
from bot.domain.ticket import Ticket, TicketOutcome
from bot.domain.view_models import NoticeModel
from bot.slack.client import SlackClient, cursor_in, parts_at, text_at
from bot.views import messages
from bot.views.blocks import Message, View, has_chart, without_charts
from bot.views.i18n import language_for
from bot.views.modals import expired_modal, outcome_modal

Clock = Callable[[], datetime]
EVENT_TYPE: Final = "inboxkeeper_notice"
"""The metadata event type of our messages; its payload carries ids only."""

_HISTORY_PAGES: Final = 5
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=2)
"""Slack stamps messages with its own clock."""
_TIMEOUT: Final = 10.0

_NOT_DRAWN: Final = frozenset({"invalid_blocks", "invalid_blocks_format"})
_CLOSED_VIEW: Final = frozenset({"not_found", "view_not_found", "expired_trigger_id"})


class SlackMessenger:
    """``bot.services.core.ports.Messenger`` over the Web API."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def is_there(self) -> bool:
        try:
            await self._call("auth.test")
        except TokenDead:
            return False
        return True

    async def open_dm(self, user_id: UserId) -> ConversationId:
        answer = await self._call("conversations.open", users=user_id)
        return ConversationId(text_at(answer, "channel", "id"))

    async def post(self, to: ConversationId | UserId, model: NoticeModel, *, nonce: str) -> Posted:
        answer = await self._shown(
            rendered(model),
            "chat.postMessage",
            channel=to,
            metadata={
                "event_type": EVENT_TYPE,
                "event_payload": {"notice": model.notice.id, "nonce": nonce},
            },
            thread_ts=model.replies_to,
            unfurl_links=False,
            unfurl_media=False,
        )
        return Posted(ConversationId(text_at(answer, "channel")), text_at(answer, "ts"))

    async def edit(self, conversation: ConversationId, ts: str, model: NoticeModel) -> None:
        await self._shown(rendered(model), "chat.update", channel=conversation, ts=ts)

    async def _shown(self, message: Message, method: str, **arguments: Any) -> dict[str, Any]:
        """Where Slack does not take what is drawn, the words alone."""
        try:
            return await self._call(method, text=message["text"], blocks=message["blocks"], **arguments)
        except SlackAway as refused:
            if refused.code not in _NOT_DRAWN or not has_chart(message):
                raise
        words = without_charts(message)
        return await self._call(method, text=words["text"], blocks=words["blocks"], **arguments)

    def wait_to_post(self) -> timedelta:
        return self._client.wait_in_line("chat.postMessage")

    def room_for_edits(self) -> EditRoom:
        return EditRoom(*self._client.room("chat.update"))

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
            return await self._call("conversations.history", **wanted)
        return await self._call("conversations.replies", ts=thread, **wanted)

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        """Say in a team's conversation that its address will be watched; a public one is joined for that.
        Raises ``PersonUnreachable`` where somebody has to invite the bot first."""
        message = messages.hello_notice(language_for(locale), address=address, actor=actor)
        said = {
            "channel": conversation,
            "text": message["text"],
            "blocks": message["blocks"],
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            await self._call("chat.postMessage", **said)
        except PersonUnreachable as closed:
            # Slack's word for a public one; a private one it does not even know.
            if closed.code != "not_in_channel" or not await self._joined(conversation):
                raise
            await self._call("chat.postMessage", **said)

    async def _joined(self, conversation: ConversationId) -> bool:
        """Enter a public conversation, if the app was installed with the right to. Raises
        ``PersonUnreachable`` where nobody's invitation would help."""
        try:
            await self._client.call("conversations.join", within=_TIMEOUT, channel=conversation)
        except (PersonUnreachable, TokenDead):
            raise
        except SlackRefused:
            return False
        return True

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
        await self._redraw(view_id, view)

    async def show_expired(self, view_id: str, ticket: Ticket) -> None:
        await self._redraw(view_id, expired_modal(language_for(ticket.locale), ticket))

    async def _redraw(self, view_id: str, view: View) -> None:
        """A modal that is closed is no error."""
        try:
            await self._call("views.update", view_id=view_id, view=view)
        except SlackError as error:
            if error.code not in _CLOSED_VIEW:
                raise

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Slack's answer. What nobody knows, or speaks of no message, is *away*: tried again, and given up
        after three days. Raises ``SlackError``s only."""
        try:
            return await self._client.call(method, within=_TIMEOUT, in_line=True, **arguments)
        except (PersonUnreachable, MessageGone, TokenDead):
            raise
        except SlackRefused as refused:
            raise SlackAway(refused.code) from refused


def rendered(model: NoticeModel) -> Message:
    """The message that ``model`` is now, in its reader's language."""
    return messages.VIEWS[model.notice.kind](language_for(model.locale), model)


def _carrying(nonce: str, page: Mapping[str, Any]) -> str | None:
    """The id of the message on a page of history that carries ``nonce``. Raises ``SlackAway``."""
    found = (message for message in parts_at(page, "messages") if _nonce_of(message) == nonce)
    return next((text_at(message, "ts") for message in found), None)


def _nonce_of(message: Mapping[str, Any]) -> object:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return payload.get("nonce") if isinstance(payload, dict) else None
