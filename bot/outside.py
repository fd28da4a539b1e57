"""The ways to the outside: one HTTP session, one Slack client, and who Slack says we are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config import Settings
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.workspace import Workspace
from bot.services.core import Clock
from bot.slack_errors import code_of

_log = structlog.get_logger(__name__)

_SLACK_SECONDS: Final = 10
_RETRY_SLACK_AFTER: Final = (1, 2, 5, 10, 30)
_HOPELESS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)


_REFUSED: Final = (
    "Slack does not accept INBOXKEEPER_SLACK_BOT_TOKEN ({code}). "
    "Next: copy the Bot User OAuth Token again from api.slack.com/apps › your app › OAuth & Permissions; "
    "reinstall the app there if it was removed."
)


class SlackRefuses(Exception):
    """Slack does not accept our token. Its text is meant for the operator."""


@dataclass(frozen=True, slots=True)
class WhoWeAre:
    """What Slack says of our token."""

    workspace: Workspace
    bot_id: str
    url: str
    """The workspace's own address, for browsers."""


async def who_are_we(client: AsyncWebClient, clock: Clock) -> WhoWeAre:
    """The workspace that our token belongs to. Waits for Slack for as long as it is away.

    Raises ``SlackRefuses`` if the token is wrong.
    """
    attempt = 0
    while (answer := await _asked(client)) is None:
        pause = _RETRY_SLACK_AFTER[min(attempt, len(_RETRY_SLACK_AFTER) - 1)]
        _log.warning("Slack does not answer yet; trying again", seconds=pause)
        await asyncio.sleep(pause)
        attempt += 1
    workspace = Workspace(
        id=WorkspaceId(answer["team_id"]),
        name=str(answer.get("team", "")),
        bot_user_id=UserId(answer["user_id"]),
        seen_at=clock(),
    )
    return WhoWeAre(workspace, str(answer.get("bot_id", "")), str(answer.get("url", "")))


async def _asked(client: AsyncWebClient) -> AsyncSlackResponse | None:
    try:
        async with asyncio.timeout(_SLACK_SECONDS):
            return await client.auth_test()
    except SlackApiError as error:
        code = code_of(error)
        if code in _HOPELESS:
            raise SlackRefuses(_REFUSED.format(code=code)) from None
        return None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


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
