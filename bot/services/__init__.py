"""What the verbs do, and who of them knows whom.

Each service is given the same ``Core``, and raises only the product's own errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.access import Workspace
from bot.domain.job import JobKind
from bot.services.connections.activation import Activation
from bot.services.connections.admin_consent import AdminConsents
from bot.services.connections.api_keys import ApiKeys
from bot.services.connections.channel_actions import ChannelActions
from bot.services.connections.channels import Channels, Permissions
from bot.services.connections.connect import Connections
from bot.services.connections.oauth_flow import OAuthFlow
from bot.services.connections.program_keys import ProgramKeys, ProgramWebhooks
from bot.services.connections.revocation import Revocations
from bot.services.connections.switch import Switches
from bot.services.connections.token_broker import TokenBroker
from bot.services.connections.webhooks import ChannelEvents, SendsWebhooks, WebhookDelivery, Webhooks
from bot.services.core.incidents import Incidents
from bot.services.core.jobs import Jobs, Locks
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Core, Directory, Messenger
from bot.services.core.schedule import Schedule
from bot.services.core.transitions import Transitions
from bot.services.messaging.delivery import Delivery
from bot.services.messaging.notice_models import NoticeModels
from bot.services.monitoring.availability import Availabilities, MonthlyReports
from bot.services.monitoring.hubspot import HubSpotScreens, HubSpotWatch, ReadsHubSpot
from bot.services.monitoring.mail_routing import MailRoutingWatch
from bot.services.monitoring.monitor import Monitoring
from bot.services.monitoring.probes import Probes
from bot.services.monitoring.provider_outages import ProviderOutages
from bot.services.monitoring.watchdog import ClockSkew, Heartbeat, Watchdog
from bot.services.people.admins import Admins
from bot.services.people.approvals import Approvals
from bot.services.people.people import People, Workspaces
from bot.services.upkeep.census import CensusFigures
from bot.services.upkeep.history import History, HistoryExport
from bot.services.upkeep.maintenance import CredentialWatch, Maintenance


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
    """Nothing where no programs are let in, like the next two."""
    program_webhooks: ProgramWebhooks | None = None
    webhooks: WebhookDelivery | None = None


def services_of(
    core: Core,
    *,
    directory: Directory,
    messenger: Messenger,
    workspace: Workspace,
    hubspot: tuple[ReadsHubSpot, timedelta] | None = None,
    webhook_sender: SendsWebhooks | None = None,
) -> Services:
    """Every service, each given what it needs. ``hubspot`` is who reads the portal, and how often;
    ``webhook_sender`` is needed where programs are let in."""
    notifications = Notifications(core)
    incidents = Incidents(core, notifications)
    schedule = Schedule(core)
    transitions = Transitions(core, notifications=notifications, incidents=incidents, schedule=schedule)
    probes = Probes(core)
    revocations = Revocations(core, notifications, probes)
    provider_outages = ProviderOutages(core, transitions=transitions, notifications=notifications)
    monitoring = Monitoring(
        core,
        transitions=transitions,
        notifications=notifications,
        probes=probes,
        provider_outages=provider_outages,
    )
    workspaces = Workspaces(
        core, transitions, notifications, workspace=workspace, is_there=messenger.is_there
    )
    people = People(core, transitions, notifications, directory, workspace)
    admins = Admins(core, people=people, directory=directory, notifications=notifications)
    approvals = Approvals(core, transitions=transitions, notifications=notifications)
    admin_consents = AdminConsents(core, approvals=approvals, notifications=notifications)
    delivery = Delivery(
        core,
        messenger=messenger,
        workspaces=workspaces,
        notifications=notifications,
        admin_consents=admin_consents,
        notice_models=NoticeModels(core, admin_consents=admin_consents),
    )
    jobs = Jobs(
        core,
        {
            JobKind.DELIVER_NOTICE: delivery.deliver,
            JobKind.RAISE_ALARM: delivery.deliver,
            JobKind.EDIT_NOTICES: delivery.edit_all,
            JobKind.CLOSE_VIEW: delivery.close_view,
            JobKind.REVOKE_GRANT: revocations.run,
            JobKind.REMIND: incidents.remind,
            JobKind.COUNT_STORM: incidents.count_storm,
            JobKind.EXPIRE_REQUEST: approvals.expire,
            JobKind.SETTLE_ANSWER: approvals.settle,
            JobKind.SHOW_HOLD: provider_outages.show,
            JobKind.RIPEN_HOLD: provider_outages.show,
            JobKind.READ_PEOPLE: people.read_on,
        },
    )
    revocations.hurried_by(jobs.run_lane)
    webhooks = program_webhooks = None
    if core.policy.keeps_tokens and webhook_sender is not None:
        transitions.followed_by(ChannelEvents(core).follow)
        webhooks = WebhookDelivery(core, notifications, webhook_sender)
        jobs.does(JobKind.TELL_WEBHOOK, webhooks.run)
        program_webhooks = ProgramWebhooks(
            core, Webhooks(core.storage, core.clock, webhook_sender, wake=core.wake)
        )
    switches = Switches(
        core,
        transitions=transitions,
        notifications=notifications,
        approvals=approvals,
        admin_consents=admin_consents,
    )
    activation = Activation(
        core,
        people=people,
        transitions=transitions,
        notifications=notifications,
        probes=probes,
        revocations=revocations,
        approvals=approvals,
        admin_consents=admin_consents,
        switches=switches,
        locks=Locks(core),
        provider_outages=provider_outages,
    )
    channels = Channels(core)
    availabilities = Availabilities(core)
    history = History(core, channels, schedule, availabilities)
    monthly_reports = MonthlyReports(core, notifications, workspace)
    heartbeat = Heartbeat(core, notifications, workspace)
    api_keys = ApiKeys(core.storage, clock=core.clock, features=core.policy.features, wake=core.wake)
    return Services(
        core=core,
        workspace=workspace,
        people=people,
        channels=channels,
        channel_actions=ChannelActions(
            core,
            transitions=transitions,
            notifications=notifications,
            monitoring=monitoring,
            revocations=revocations,
        ),
        connections=Connections(
            core,
            approvals=approvals,
            admin_consents=admin_consents,
            switches=switches,
            messenger=messenger,
        ),
        oauth_flow=OAuthFlow(
            core,
            people=people,
            admin_consents=admin_consents,
            activation=activation,
            workspace=workspace,
        ),
        switches=switches,
        workspaces=workspaces,
        monitoring=monitoring,
        jobs=jobs,
        maintenance=Maintenance(
            core,
            people=people,
            admins=admins,
            notifications=notifications,
            workspaces=workspaces,
            revocations=revocations,
            mail_watch=MailRoutingWatch(core, transitions=transitions, notifications=notifications),
            provider_outages=provider_outages,
            credentials=CredentialWatch(core, notifications, workspace),
            monthly_reports=monthly_reports,
        ),
        admins=admins,
        incidents=incidents,
        approvals=approvals,
        history=history,
        availabilities=availabilities,
        monthly_reports=monthly_reports,
        history_export=HistoryExport(core, people=people, history=history, workspace=workspace),
        permissions=Permissions(core, channels),
        watchdog=Watchdog(core, notifications, schedule, workspace, heartbeat),
        schedule=schedule,
        clock_skew=ClockSkew(core, schedule),
        heartbeat=heartbeat,
        probes=probes,
        census=CensusFigures(core),
        hubspot=HubSpotScreens(core, workspace.id) if hubspot else None,
        hubspot_watch=HubSpotWatch(
            core,
            hubspot[0],
            incidents=incidents,
            notifications=notifications,
            workspace_id=workspace.id,
            every=hubspot[1],
        )
        if hubspot
        else None,
        api_keys=api_keys,
        program_keys=ProgramKeys(core, api_keys) if core.policy.keeps_tokens else None,
        token_broker=TokenBroker(core, probes, api_keys),
        program_webhooks=program_webhooks,
        webhooks=webhooks,
    )
