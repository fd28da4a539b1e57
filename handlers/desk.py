"""What every handler works with: the services, and who is asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.access import Actor
from bot.services.admins import Admins
from bot.services.channels import Channels
from bot.services.connecting import Connecting
from bot.services.evidence import Evidences
from bot.services.exporting import Exporting
from bot.services.incidents import Incidents
from bot.services.people import People
from bot.services.permissions import Permissions
from bot.services.requests import Requests
from bot.services.switching import Switching
from bot.services.workspaces import Workspaces
from handlers.home import Home
from handlers.reply import Reply, Turn


@dataclass(frozen=True)
class Desk:
    """The services that handlers call."""

    people: People
    channels: Channels
    connecting: Connecting
    switching: Switching
    requests: Requests
    incidents: Incidents
    admins: Admins
    evidences: Evidences
    exporting: Exporting
    permissions: Permissions
    workspaces: Workspaces
    home: Home
    clock: Callable[[], datetime]
    command: str

    async def actor(self, turn: Turn, *, fresh: bool = False) -> Actor:
        """Whoever asks. ``fresh`` re-reads their rights from Slack, as every deed must."""
        return await self.people.member(turn.asked.workspace_id, turn.asked.user_id, fresh=fresh)


Handler = Callable[[Desk, Turn], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, and whether its answer is most likely a modal."""

    handler: Handler
    opens: bool = False
