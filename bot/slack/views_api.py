"""Every call by which a person is shown something: modals, Home, answers to a ``response_url``.

The one rule: each call has two seconds and one try; the SDK's own patience would outlive the person's.
"""

from __future__ import annotations

from typing import Any, Final

import structlog

from bot.domain.errors import SlackAway, SlackRefused, TriggerLost
from bot.slack.client import SlackClient, part_at, text_at
from bot.views.blocks import Message, View

_log = structlog.get_logger(__name__)
_TAKEN: Final = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
_NEVER_MIND: Final = frozenset({"not_found", "view_not_found", "hash_conflict"})
_ANSWERS: Final = _TAKEN | _NEVER_MIND
_OURS: Final = frozenset(
    {
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "view_too_large",
        "duplicate_external_id",
        "push_limit_reached",
        "missing_argument",
        "invalid_arg_name",
    }
)
"""Slack does not take what we made: a bug. Everything else it may say is no fault of this click's."""


class ViewsApi:
    """What a person sees, through Slack's Web API."""

    def __init__(
        self,
        client: SlackClient,
        *,
        patience: float = 2.0,
    ) -> None:
        self._client = client
        self._patience = patience

    async def open(self, trigger_id: str, view: View) -> str:
        """Open a modal; returns its id, or "" if this click has opened one already.

        Raises ``TriggerLost``, also for a click or command that came without one, and ``SlackAway``.
        """
        if not trigger_id:
            raise TriggerLost
        try:
            shown = await self._call("views.open", trigger_id=trigger_id, view=view)
        except SlackRefused as error:
            if error.code in _TAKEN:
                return ""
            raise
        return text_at(part_at(shown, "view"), "id")

    async def update(self, view_id: str, view: View) -> bool:
        """Redraw a modal. ``False`` if it was closed meanwhile, which is nobody's fault."""
        try:
            await self._call("views.update", view_id=view_id, view=view)
        except SlackRefused as error:
            if error.code in _NEVER_MIND:
                return False
            raise
        return True

    async def publish(self, user_id: str, view: View, *, known: str | None) -> str | None:
        """Redraw Home; returns its new hash, or ``None`` if it is no longer the one that is ``known``."""
        try:
            shown = await self._call("views.publish", user_id=user_id, view=view, hash=known)
        except SlackRefused as error:
            if error.code == "hash_conflict":
                return None
            raise
        known_by = part_at(shown, "view").get("hash")
        return known_by if isinstance(known_by, str) else ""

    async def respond(self, response_url: str, message: Message, *, replace: bool = False) -> None:
        """Answer where the question was asked. Only the asker sees it. Raises ``SlackAway``."""
        body = {"response_type": "ephemeral", "replace_original": replace, **message}
        await self._client.respond(response_url, body, within=self._patience)

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        try:
            return await self._client.call(method, within=self._patience, **arguments)
        except TriggerLost:
            raise
        except SlackRefused as error:
            if error.code in _ANSWERS | _OURS:
                raise
            _log.warning("Slack refuses a call", method=method, code=error.code)
            raise SlackAway(error.code) from error
