"""The ways to the outside: one HTTP session, one Slack client, and who Slack says we are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.workspace import Workspace
from bot.services.core.ports import Clock
from bot.slack.answers import NoAnswer, SlackRefused, answer_to, text_at
from handlers.slack_request import clean

_log = structlog.get_logger(__name__)

_SLACK_SECONDS: Final = 10
_LONGEST_NAME: Final = 200
_RETRY_SLACK_AFTER: Final = (1, 2, 5, 10, 30)
_HOPELESS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)


_REFUSED: Final = (
    "Slack does not accept INBOXKEEPER_SLACK_BOT_TOKEN ({code}). "
    "Next: copy the Bot User OAuth Token again from api.slack.com/apps › your app › OAuth & Permissions; "
    "reinstall the app there if it was removed."
)


Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""


class StartRefused(Exception):
    """Slack does not accept our token. Its text is meant for the operator."""


@dataclass(frozen=True, slots=True)
class WhoWeAre:
    """What Slack says of our token."""

    workspace: Workspace
    bot_id: str
    url: str
    """The workspace's own address, for browsers."""


async def who_are_we(client: AsyncWebClient, clock: Clock, pause: Pause = asyncio.sleep) -> WhoWeAre:
    """The workspace that our token belongs to. Waits for Slack for as long as it is away.

    Raises ``StartRefused`` if the token is wrong.
    """
    attempt = 0
    while (answer := await _asked(client, clock)) is None:
        seconds = _RETRY_SLACK_AFTER[min(attempt, len(_RETRY_SLACK_AFTER) - 1)]
        _log.warning("Slack does not answer yet; trying again", seconds=seconds)
        await pause(seconds)
        attempt += 1
    return answer


async def _asked(client: AsyncWebClient, clock: Clock) -> WhoWeAre | None:
    try:
        answer = await answer_to(client.auth_test(), within=_SLACK_SECONDS)
        workspace = Workspace(
            id=WorkspaceId(text_at(answer, "team_id")),
            name=clean(str(answer.get("team", "")))[:_LONGEST_NAME],
            bot_user_id=UserId(text_at(answer, "user_id")),
            seen_at=clock(),
        )
    except SlackRefused as error:
        if error.code in _HOPELESS:
            raise StartRefused(_REFUSED.format(code=error.code)) from None
        return None
    except NoAnswer:
        return None
    return WhoWeAre(workspace, str(answer.get("bot_id", "")), str(answer.get("url", "")))


def slack_client(settings: Settings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Slack's Web API over one shared session. Retries are ours: the SDK's could post twice."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=f"{settings.slack_api_url.rstrip('/')}/",
        timeout=_SLACK_SECONDS,
        session=session,
        retry_handlers=[],
    )


def http_session() -> aiohttp.ClientSession:
    """One session for everything that goes out, without cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=15, connect=5),
    )
