"""Slack's Web API: the one client that everything here calls Slack with, and what comes back, in our words.

The one rule: whoever answers in Slack's place, and however, is Slack being away. The SDK knows one
exception, which carries a response, a stranger's page or next to nothing, and stumbles over the rest in
ways of its own; nobody else in the product sees either. Every call has a time, is counted, and is left out
while Slack wants its method left alone.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from bot.domain.access import Workspace
from bot.domain.errors import (
    MessageGone,
    PersonUnreachable,
    SlackAway,
    SlackRefused,
    TokenDead,
    TriggerLost,
)
from bot.domain.ids import UserId, WorkspaceId

Clock = Callable[[], datetime]
Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""
Json = Mapping[str, Any]

_SECONDS: Final = 10
_HOOKS: Final = URL("https://hooks.slack.com")
"""Where Slack takes answers to commands and clicks."""
_WAITS: Final = timedelta(seconds=30)
"""Where Slack does not say for how long it wants to be left alone."""
MOST_PATIENT: Final = timedelta(hours=1)
"""No method is left alone for longer, whatever is asked: Slack speaks of seconds and minutes."""
_APART: Final = {"chat.postMessage": timedelta(seconds=0.2)}
"""Several hundred posts a minute in a workspace."""
_MOSTLY_APART: Final = timedelta(seconds=1.2)
"""Fifty calls of a method a minute: Slack's third tier, which all others that we use have at least."""

_WINDOW: Final = timedelta(minutes=1)
"""From a call's answer to the next in its place: Slack has counted the one before it answered, and cannot
count the other before it is sent. However slow calls are, a minute lies between (decision 0076)."""
_LATE: Final = timedelta(seconds=6)
_IN_WINDOW: Final = 50
"""Of the third tier."""
_SHARED: Final = 48
"""A little less than the tier allows, where others call, too: Slack has refused what was within it."""
_AT_ONCE: Final = 25
"""So many may then follow each other in no time; from then on they come evenly."""
_CAREFUL_FOR: Final = timedelta(minutes=10)
"""After a pause that Slack asked for. Before, it is Slack that knows what it can bear: often more."""

_ERRORS: Final[dict[str, type[SlackRefused]]] = {
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
    "expired_trigger_id": TriggerLost,
    "trigger_expired": TriggerLost,
    "invalid_trigger_id": TriggerLost,
}
"""Slack's words that mean the same wherever it says them."""
_HOPELESS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
)
_THROTTLED: Final = frozenset({"ratelimited", "rate_limited"})
_UNWRITABLE: Final = re.compile("[\\x00\ud800-\udfff]")
_CODE: Final = re.compile(r"[a-z0-9_.:/-]{1,64}")
_STUMBLES: Final = (
    ValueError,  # a page that is no UTF-8, a number of ten thousand digits
    AttributeError,  # JSON that is no object
    TypeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
"""What the SDK raises over an answer that is not Slack's."""

_LONGEST_NAME: Final = 200
_RETRIES_AFTER: Final = (1, 2, 5, 10, 30)
"""Seconds between tries while Slack is away as we start."""
_TOKEN_REFUSED: Final = (
    "Slack does not accept INBOXKEEPER_SLACK_BOT_TOKEN ({code}). "
    "Next: copy the Bot User OAuth Token again from api.slack.com/apps › your app › OAuth & Permissions; "
    "reinstall the app there if it was removed."
)
_log = structlog.get_logger(__name__)


class CallMetrics(Protocol):
    """Counts calls to Slack, and what Slack sends, by method and outcome."""

    def slack_call(self, method: str, outcome: str) -> None: ...

    def ack(self, kind: str, seconds: float) -> None: ...


class SlackClient:
    """Calls Slack. One for the whole process, so that a method that Slack wants left alone is left alone."""

    def __init__(
        self,
        web: AsyncWebClient,
        *,
        clock: Clock,
        metrics: CallMetrics,
        limits: RateLimits | None = None,
    ) -> None:
        """``web`` carries the bot's token and makes no retries of its own: they could post twice."""
        self.web = web
        self.metrics = metrics
        assert web.session is not None
        self.session = web.session
        self._clock = clock
        self._limits = limits or RateLimits(clock)

    def without_token(self) -> SlackClient:
        """The same, for calls that carry a token of their own."""
        web = AsyncWebClient(base_url=self.web.base_url, session=self.session, retry_handlers=[])
        return SlackClient(web, clock=self._clock, metrics=self.metrics, limits=self._limits)

    async def call(
        self, method: str, *, within: float, in_line: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        """What Slack answered to ``method`` (``"chat.postMessage"``) in at most ``within`` seconds.

        Whoever comes back later stands ``in_line``: so the end of a pause is no rush. Raises ``SlackAway``,
        ``SlackRefused``; neither quotes what was answered.
        """
        answer = await self.response(method, within=within, in_line=in_line, **arguments)
        data: dict[str, Any] = answer.data  # type: ignore[assignment]
        return data

    def wait_in_line(self, method: str) -> timedelta:
        """How long a caller that comes back later had better wait, none while Slack takes the call. Takes a
        place in the line."""
        return self._limits.wait_in_line(method)

    def room(self, method: str) -> tuple[int, timedelta]:
        """How often ``method`` can be called now by those who follow each other anyway; if not at all, how
        long to wait. Once Slack has refused one, it stays below what Slack takes in a minute."""
        return self._limits.room(method)

    async def response(
        self, method: str, *, within: float, in_line: bool = False, **arguments: Any
    ) -> AsyncSlackResponse:
        """As ``call``, with the headers."""
        self._limits.check(method, in_line=in_line)
        try:
            answer = await _response(getattr(self.web, method.replace(".", "_"))(**arguments), within=within)
        except SlackAway as away:
            self.metrics.slack_call(method, "away")
            if away.retry_after is not None:
                self._limits.rest(method, away.retry_after)
            raise
        except SlackRefused as refused:
            self.metrics.slack_call(method, refused.code)
            raise
        finally:
            self._limits.answered(method)
        self.metrics.slack_call(method, "ok")
        return answer

    async def respond(self, response_url: str, body: Json, *, within: float) -> None:
        """Post ``body`` to an address that Slack gave us for one answer. Raises ``SlackAway``.

        Nowhere but at Slack: whoever learned the signing secret could else have us tell an inner host what
        we know. Nor where Slack, or somebody in between, would send us on to. How often such an address may
        be used is its own: no other call waits for it.
        """
        url = self._at_slack(response_url)
        if url is None:
            self.metrics.slack_call("response_url", "refused")
            _log.warning("An answer was to go to another place than Slack")
            return
        post = self.session.post(url, json=body, allow_redirects=False)
        try:
            async with asyncio.timeout(within), post as answer:
                outcome = "ok" if answer.status < 300 else str(answer.status)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: no address
            self.metrics.slack_call("response_url", "away")
            raise SlackAway(type(error).__name__) from None
        self.metrics.slack_call("response_url", outcome)
        if outcome != "ok":
            raise SlackAway(outcome)

    def _at_slack(self, response_url: str) -> URL | None:
        """``response_url`` if it is one of Slack's: where its API is, or the host for answers beside it."""
        try:
            url, api = URL(response_url), URL(self.web.base_url)
            places = {_HOOKS, api.origin(), URL(f"https://hooks.{api.host}")}
            return url if url.user is None and url.password is None and url.origin() in places else None
        except ValueError:
            return None


class RateLimits:
    """Which methods Slack wants left alone, and until when: a 429 counts for the whole workspace, whoever
    the call was for. Kept in memory, and of this process alone: another one learns it by a 429 of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[str, datetime] = {}
        self._asked_at: dict[str, datetime] = {}
        self._last_turn: dict[str, datetime] = {}
        self._shared_at: dict[str, datetime] = {}
        self._called_at: defaultdict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=_IN_WINDOW))
        self._answered_at: defaultdict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=_IN_WINDOW))
        self._under_way: Counter[str] = Counter()

    def check(self, method: str, *, in_line: bool) -> None:
        """A call begins, and is ``answered`` later. Raises ``SlackAway`` while ``method`` rests, with how
        long this caller had better wait."""
        rest = self._rest(method)
        if rest:
            raise SlackAway("ratelimited", self.wait_in_line(method) if in_line else rest)
        self._called_at[method].append(self._clock())
        self._under_way[method] += 1

    def answered(self, method: str) -> None:
        """A call has ended, in whatever way."""
        self._under_way[method] -= 1
        self._answered_at[method].append(self._clock())

    def wait_in_line(self, method: str) -> timedelta:
        """How long this caller had better wait; each that asks stands behind the one before."""
        rest = self._rest(method)
        if not rest:
            return rest
        now = self._clock()
        free_at = now + rest
        turn = max(free_at, self._last_turn.get(method, free_at)) + _APART.get(method, _MOSTLY_APART)
        self._last_turn[method] = turn
        return turn - now

    def room(self, method: str) -> tuple[int, timedelta]:
        """How many calls of a method of the third tier can be made now; if none, how long to wait. All that
        the tier takes in a minute follow each other: fifty people see what has changed within one minute.
        Where others use the same tier, they come evenly."""
        if rest := self._rest(method):
            return 0, rest
        now = self._clock()
        if not self._is_recent(self._asked_at.get(method), now):
            return _AT_ONCE, timedelta()
        under_way = self._under_way[method]
        answered_at = [at for at in self._answered_at[method] if timedelta() <= now - at < _WINDOW]
        is_shared = self._is_recent(self._shared_at.get(method), now)
        at_once, most = (_AT_ONCE, _SHARED) if is_shared else (_IN_WINDOW, _IN_WINDOW)
        taken = under_way + len(answered_at)
        if taken < at_once:
            return at_once - taken, timedelta()
        free_at = self._called_at[method][-1] + _MOSTLY_APART if is_shared else now
        if taken >= most:
            free_at = max(free_at, answered_at[0] + _WINDOW if answered_at else now + _MOSTLY_APART)
        return (1, timedelta()) if free_at <= now else (0, free_at - now)

    @staticmethod
    def _is_recent(at: datetime | None, now: datetime) -> bool:
        return at is not None and now - at < _CAREFUL_FOR

    def _rest(self, method: str) -> timedelta:
        """How long Slack still wants it left alone."""
        now = self._clock()
        if now < self._asked_at.get(method, now):  # the clock was put back: what it said before is void
            for known in (self._asked_at, self._free_at, self._last_turn, self._shared_at):
                known.pop(method, None)
        return max(self._free_at.get(method, now) - now, timedelta())

    def rest(self, method: str, span: timedelta) -> None:
        self._asked_at[method] = self._clock()
        called_at = self._called_at[method]
        if len(called_at) < _IN_WINDOW or self._asked_at[method] - called_at[0] > _WINDOW + _LATE:
            self._shared_at[method] = self._asked_at[method]
        until = self._asked_at[method] + span
        self._free_at[method] = max(until, self._free_at.get(method, until))


def slack_client(
    token: str, *, api_url: str, session: aiohttp.ClientSession, clock: Clock, metrics: CallMetrics
) -> SlackClient:
    """The client for a bot's token, over one shared session."""
    web = AsyncWebClient(
        token=token, base_url=f"{api_url.rstrip('/')}/", timeout=_SECONDS, session=session, retry_handlers=[]
    )
    return SlackClient(web, clock=clock, metrics=metrics)


# --- who we are


class StartRefused(Exception):
    """Slack does not accept our token. Its text is meant for the operator."""


@dataclass(frozen=True, slots=True)
class WhoWeAre:
    """What Slack says of our token."""

    workspace: Workspace
    bot_id: str
    url: str
    """The workspace's own address, for browsers."""


async def who_are_we(client: SlackClient, clock: Clock, pause: Pause = asyncio.sleep) -> WhoWeAre:
    """The workspace that our token belongs to. Waits for Slack for as long as it is away.

    Raises ``StartRefused`` if the token is wrong.
    """
    attempt = 0
    while (answer := await _told(client, clock)) is None:
        seconds = _RETRIES_AFTER[min(attempt, len(_RETRIES_AFTER) - 1)]
        _log.warning("Slack does not answer yet; trying again", seconds=seconds)
        await pause(seconds)
        attempt += 1
    return answer


async def _told(client: SlackClient, clock: Clock) -> WhoWeAre | None:
    try:
        answer = await client.call("auth.test", within=_SECONDS)
        workspace = Workspace(
            id=WorkspaceId(text_at(answer, "team_id")),
            name=clean(str(answer.get("team", "")))[:_LONGEST_NAME],
            bot_user_id=UserId(text_at(answer, "user_id")),
            seen_at=clock(),
        )
    except SlackRefused as error:
        if error.code in _HOPELESS:
            raise StartRefused(_TOKEN_REFUSED.format(code=error.code)) from None
        return None
    except SlackAway:
        return None
    return WhoWeAre(workspace, str(answer.get("bot_id", "")), str(answer.get("url", "")))


# --- what stands in answers


async def _response(call: Awaitable[Any], *, within: float) -> AsyncSlackResponse:
    """Slack's response, whose ``data`` is an object that says ``ok``. Raises ``SlackError``s only."""
    try:
        async with asyncio.timeout(within):
            response = await call
    except SlackApiError as error:
        raise _translated(error) from None
    except (TimeoutError, aiohttp.ClientError, OSError, *_STUMBLES) as error:
        raise SlackAway(type(error).__name__) from None
    if not isinstance(response.data, dict):  # a proxy's page
        raise SlackAway("no_json")
    return response  # type: ignore[no-any-return]


def clean(text: str) -> str:
    """The text as it can be stored and sent on: PostgreSQL takes no NUL, and half of a surrogate pair is no
    UTF-8. JSON can spell both; the usual replacement character shows that there was something."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def text_at(answer: Json, *path: str) -> str:
    """The text that must stand there. Raises ``SlackAway``: an answer of Slack's would hold it."""
    found: Any = answer
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise SlackAway(f"no_{path[-1]}")
    return found


def part_at(answer: Json, name: str) -> dict[str, Any]:
    """The object that must stand there. Raises ``SlackAway``."""
    found = answer.get(name)
    if not isinstance(found, dict):
        raise SlackAway(f"no_{name}")
    return found


def parts_at(answer: Json, name: str) -> list[dict[str, Any]]:
    """The objects in the list that must stand there. Raises ``SlackAway``."""
    return [one for one in _list_at(answer, name) if isinstance(one, dict)]


def texts_at(answer: Json, name: str) -> list[str]:
    """The texts in the list that must stand there. Raises ``SlackAway``."""
    return [one for one in _list_at(answer, name) if isinstance(one, str)]


def cursor_in(answer: Json) -> str:
    """Where the next page begins; empty if this was the last."""
    beside = answer.get("response_metadata")
    further = beside.get("next_cursor") if isinstance(beside, dict) else None
    return further if isinstance(further, str) else ""


def _list_at(answer: Json, name: str) -> Iterable[Any]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise SlackAway(f"no_{name}")
    return found


def _translated(error: SlackApiError) -> SlackRefused | SlackAway:
    status, code = getattr(error.response, "status_code", 0), _code_of(error)
    if status == 429 or code in _THROTTLED:
        return SlackAway("ratelimited", _retry_after(error))
    if not code:
        return SlackAway("no_json")
    if status >= 500:
        return SlackAway(code)
    return _ERRORS.get(code, SlackRefused)(code)


def _code_of(error: SlackApiError) -> str:
    """Slack's own word for what is wrong; empty if the answer was not Slack's."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _retry_after(error: SlackApiError) -> timedelta:
    headers = getattr(error.response, "headers", {})
    value = next((str(v) for k, v in headers.items() if k.lower() == "retry-after"), "")
    if not (value.isascii() and value.isdigit()):
        return _WAITS
    # Five digits are more than an hour already; many thousand are more than ``int`` reads.
    return MOST_PATIENT if len(value) > 5 else min(timedelta(seconds=int(value)), MOST_PATIENT)
