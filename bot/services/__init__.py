"""What the verbs do. Each service is given the same ``Core`` and raises only the product's own errors."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.workspace import Workspace
from bot.services.admins import Admins
from bot.services.channels import Channels
from bot.services.chores import Chores
from bot.services.connecting import Connecting
from bot.services.core import Core
from bot.services.evidence import Evidences
from bot.services.exporting import Exporting
from bot.services.heartbeat import Heartbeat
from bot.services.incidents import Incidents
from bot.services.jobs import Jobs
from bot.services.monitoring import Monitoring
from bot.services.pace import Pace
from bot.services.people import People
from bot.services.permissions import Permissions
from bot.services.reaching import Reaching
from bot.services.requests import Requests
from bot.services.silence import Silence
from bot.services.switching import Switching
from bot.services.timekeeping import Timekeeping
from bot.services.workspaces import Workspaces


@dataclass(frozen=True)
class Services:
    """Everything that entry points and the engine call."""

    core: Core
    workspace: Workspace
    people: People
    channels: Channels
    connecting: Connecting
    switching: Switching
    workspaces: Workspaces
    monitoring: Monitoring
    jobs: Jobs
    chores: Chores
    admins: Admins
    incidents: Incidents
    requests: Requests
    evidences: Evidences
    exporting: Exporting
    permissions: Permissions
    silence: Silence
    pace: Pace
    timekeeping: Timekeeping
    heartbeat: Heartbeat
    reaching: Reaching
