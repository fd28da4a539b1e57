"""Every call by which a person is shown something: modals, Home, answers to a ``response_url``.

The one rule: each call has two seconds and one try; the SDK's own patience would outlive the person's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.domain.ids import UserId, WorkspaceId
from bot.services.people.people import People
from bot.slack.answers import NoAnswer, SlackRefused, answer_to, part_at, text_at
from bot.views.blocks import Message, View
from bot.views.i18n import Language, language_for

_log = structlog.get_logger(__name__)
_TOO_LATE: Final = frozenset({"expired_trigger_id", "trigger_expired", "invalid_trigger_id"})
_TAKEN: Final = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
_NEVER_MIND: Final = frozenset({"not_found", "view_not_found", "hash_conflict"})
_ANSWERS: Final = _TOO_LATE | _TAKEN | _NEVER_MIND
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
_HOOKS: Final = URL("https://hooks.slack.com")


class TriggerLost(Exception):
    """Slack no longer opens a modal for this click: the three seconds are over."""


class SlackUnavailable(Exception):
    """Slack did not take the call; nothing is known to be wrong with it."""


class Figures(Protocol):
    """What is counted."""

    def slack_call(self, method: str, outcome: str) -> None: ...

    def http_request(self, route: str, status: int) -> None: ...


class ViewsApi:
    """What a person sees, through Slack's Web API."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        figures: Figures,
        *,
        patience: float = 2.0,
    ) -> None:
        self._client = client
        self._session = session
        self._figures = figures
        self._patience = patience

    async def open(self, trigger_id: str, view: View) -> str:
        """Open a modal; returns its id, or "" if this click has opened one already.

        Raises ``TriggerLost``, ``SlackUnavailable``.
        """
        try:
            shown = await self._call("views.open", self._client.views_open(trigger_id=trigger_id, view=view))
        except SlackRefused as error:
            if error.code in _TAKEN:
                return ""
            if error.code in _TOO_LATE:
                raise TriggerLost from error
            raise
        try:
            return text_at(_view(shown), "id")
        except NoAnswer as error:
            raise SlackUnavailable from error

    async def update(self, view_id: str, view: View) -> bool:
        """Redraw a modal. ``False`` if it was closed meanwhile, which is nobody's fault."""
        try:
            await self._call("views.update", self._client.views_update(view_id=view_id, view=view))
        except SlackRefused as error:
            if error.code in _NEVER_MIND:
                return False
            raise
        return True

    async def publish(self, user_id: str, view: View, *, known: str | None) -> str | None:
        """Redraw Home; returns its new hash, or ``None`` if it is no longer the one that is ``known``."""
        call = self._client.views_publish(user_id=user_id, view=view, hash=known)
        try:
            shown = await self._call("views.publish", call)
        except SlackRefused as error:
            if error.code == "hash_conflict":
                return None
            raise
        known_by = _view(shown).get("hash")
        return known_by if isinstance(known_by, str) else ""

    async def respond(self, response_url: str, message: Message, *, replace: bool = False) -> None:
        """Answer where the question was asked. Only the asker sees it.

        Nowhere but at Slack: whoever learned the signing secret could else have us tell an inner host what
        we know. Nor where Slack, or somebody in between, would send us on to.
        """
        url = self._at_slack(response_url)
        if url is None:
            self._figures.slack_call("response_url", "refused")
            _log.warning("An answer was to go to another place than Slack")
            return
        body = {"response_type": "ephemeral", "replace_original": replace, **message}
        post = self._session.post(url, json=body, allow_redirects=False)
        try:
            async with asyncio.timeout(self._patience), post as answer:
                outcome = "ok" if answer.status < 300 else str(answer.status)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: no address
            self._figures.slack_call("response_url", "away")
            raise SlackUnavailable from error
        self._figures.slack_call("response_url", outcome)
        if outcome != "ok":
            raise SlackUnavailable(outcome)

    def _at_slack(self, response_url: str) -> URL | None:
        """``response_url`` if it is one of Slack's: where its API is, or the host for answers beside it."""
        try:
            url, api = URL(response_url), URL(self._client.base_url)
            places = {_HOOKS, api.origin(), URL(f"https://hooks.{api.host}")}
            return url if url.user is None and url.password is None and url.origin() in places else None
        except ValueError:
            return None

    async def _call(self, method: str, call: Awaitable[Any]) -> dict[str, Any]:
        try:
            answer = await answer_to(call, within=self._patience)
        except SlackRefused as error:
            self._figures.slack_call(method, error.code)
            if error.code in _ANSWERS | _OURS:
                raise
            _log.warning("Slack refuses a call", method=method, code=error.code)
            raise SlackUnavailable(error.code) from error
        except NoAnswer as error:
            self._figures.slack_call(method, "away")
            raise SlackUnavailable from error
        self._figures.slack_call(method, "ok")
        return answer


def _view(shown: dict[str, Any]) -> dict[str, Any]:
    """The view that Slack says it shows. Raises ``SlackUnavailable``."""
    try:
        return part_at(shown, "view")
    except NoAnswer as error:
        raise SlackUnavailable from error


async def language_of(people: People, workspace_id: WorkspaceId, user_id: UserId) -> Language:
    return language_for(await people.locale_of(workspace_id, user_id))
