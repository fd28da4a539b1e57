"""What the verbs do. Each service is given the same ``Core`` and raises only the product's own errors."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.access import Workspace
from bot.services.connections.api_keys import ApiKeys
from bot.services.connections.channel_actions import ChannelActions
from bot.services.connections.channels import Channels, Permissions
from bot.services.connections.connect import Connections
from bot.services.connections.oauth_flow import OAuthFlow
from bot.services.connections.program_keys import ProgramKeys
from bot.services.connections.switch import Switches
from bot.services.connections.token_broker import TokenBroker
from bot.services.connections.webhooks import WebhookDelivery
from bot.services.core.incidents import Incidents
from bot.services.core.jobs import Jobs
from bot.services.core.ports import Core
from bot.services.core.schedule import Schedule
from bot.services.monitoring.availability import Availabilities, MonthlyReports
from bot.services.monitoring.hubspot import HubSpotScreens, HubSpotWatch
from bot.services.monitoring.monitor import Monitoring
from bot.services.monitoring.probes import Probes
from bot.services.monitoring.watchdog import ClockSkew, Heartbeat, Watchdog
from bot.services.people.admins import Admins
from bot.services.people.approvals import Approvals
from bot.services.people.people import People, Workspaces
from bot.services.upkeep.census import CensusFigures
from bot.services.upkeep.history import History, HistoryExport
from bot.services.upkeep.maintenance import Maintenance


@dataclass(frozen=True)
class Services:
    """Everything that entry points and the engine call."""

    core: Core
    workspace: Workspace
    people: People
    channels: Channels
    channel_actions: ChannelActions
    connections: Connections
    oauth_flow: OAuthFlow
    switches: Switches
    workspaces: Workspaces
    monitoring: Monitoring
    jobs: Jobs
    maintenance: Maintenance
    admins: Admins
    incidents: Incidents
    approvals: Approvals
    history: History
    history_export: HistoryExport
    availabilities: Availabilities
    monthly_reports: MonthlyReports
    permissions: Permissions
    watchdog: Watchdog
    schedule: Schedule
    clock_skew: ClockSkew
    heartbeat: Heartbeat
    probes: Probes
    census: CensusFigures
    api_keys: ApiKeys
    token_broker: TokenBroker
    hubspot: HubSpotScreens | None = None
    """Nothing where no token was given: then no screen speaks of HubSpot."""
    hubspot_watch: HubSpotWatch | None = None
    program_keys: ProgramKeys | None = None
    """Nothing where no programs are let in, like the next."""
    webhooks: WebhookDelivery | None = None
