"""What services show: channels as one person may see them, ready to be worded and laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from bot.domain.access import Operation, Person, RoleChange
from bot.domain.api_key import ApiKey
from bot.domain.availability import NO_OUTAGES, Availability, Outages, Report
from bot.domain.channel import AboutInbox, Channel, HistoryEntry, InboxSpec, State
from bot.domain.features import Feature
from bot.domain.grant import Revocation
from bot.domain.hubspot_models import BothSides, HubSpotModel
from bot.domain.ids import ConversationId, GrantId, TicketId, UserId
from bot.domain.incident import Incident, Unexplained
from bot.domain.notice import Notice
from bot.domain.provider_outage import Advice, Proof, ProviderOutage, Struck
from bot.domain.request import Request, RequestedChange
from bot.domain.ticket import Purpose, TicketOutcome
from bot.domain.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Mail:
    """Where a team address's mail goes, as far as two looks agreed."""

    domain: str
    place: str
    """The key of the provider that takes it; ``imap`` for any other host, ``NOWHERE`` if its domain takes
    none."""
    label: str
    is_home: bool
    """That is where the inbox is connected."""
    has_left: bool
    """It went there before, and has moved since."""
    since: datetime
    is_on: bool
    """There is a client for that provider."""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One line of an overview."""

    channel: Channel
    provider_label: str
    last_ok_at: datetime | None
    """The last proof of life: a probe that passed."""
    may: frozenset[Operation]
    is_own: bool
    lacking: tuple[Feature, ...] = ()
    """Features that cannot use it until somebody consents again; it works all the same."""
    mail: Mail | None = None
    """Where its mail goes, for team addresses whose mail has left their provider."""
    advice: Advice | None = None
    """For what is held with many others."""
    unexplained: Unexplained | None = None
    """For what cannot be checked since nobody knows what its provider means."""
    asks: frozenset[Operation] = frozenset()
    """What of ``may`` is only a wish that an admin has to grant."""
    outage: Incident | None = None
    """Its open outage, with who is on it."""
    availability: Availability | None = None
    """Of the last thirty days, if that was read."""
    owner_left: bool = False
    """Nobody who is left can sign in to it, unless it becomes the team's. For those who can do that."""


@dataclass(frozen=True, slots=True)
class SetupCard:
    """What still has to be done before people can connect, or who to ask."""

    is_for_admin: bool
    admins: tuple[UserId, ...]
    base_url: str
    loopback_only: bool
    google_on: bool
    microsoft_on: bool = False


@dataclass(frozen=True, slots=True)
class FirstHour:
    """What a super admin does on day one, and how far they are."""

    has_team: bool
    has_conversation: bool
    """Some team address has a conversation that is told."""
    has_second_admin: bool
    has_rehearsed: bool
    team: Channel | None = None
    """A team address to go on with."""

    @property
    def is_done(self) -> bool:
        return self.has_team and self.has_conversation and self.has_second_admin and self.has_rehearsed


MOST_COUNTED: Final = 10_000
"""Whoever sees more of a state is told so, and no number: to count a million takes longer than an answer
may."""


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many channels somebody may see, whether or not there is room for them."""

    of_state: Mapping[State, int] = field(default_factory=dict)
    """What is greater than ``MOST_COUNTED`` says only that there are more."""
    own: int = 0
    """How many of them are their own."""

    @property
    def total(self) -> int:
        """At least, where it ``is_open``."""
        return sum(self.of_state.values())

    @property
    def is_open(self) -> bool:
        """Whether there may be more than ``total``."""
        return any(number > MOST_COUNTED for number in self.of_state.values())


@dataclass(frozen=True, slots=True)
class Browse:
    """Which of the inboxes somebody wants to see; by default all, from the first one on."""

    text: str = ""
    """Only those with this in their address or name."""
    state: State | None = None
    skip: int = 0
    """How many stand on the pages before."""
    turn: int = 0
    """How often somebody chose anew: what they typed and chose before is not kept in the fields."""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.state)

    @property
    def is_plain(self) -> bool:
        return not self.is_narrowed and not self.skip


@dataclass(frozen=True, slots=True)
class Overview:
    """What one person may see: as many rows as can be shown, and how many there are."""

    own: tuple[ChannelRow, ...]
    team: tuple[ChannelRow, ...]
    others: tuple[ChannelRow, ...]
    """Other people's personal inboxes: for super admins, and where it is one's own address."""
    tally: StateCounts
    may_connect: bool
    command: str
    providers_off: tuple[str, ...] = ()
    not_set_up: SetupCard | None = None
    may_export: bool = False
    sought: str = ""
    """Only inboxes with this in their address or name are shown, and counted."""
    to_answer: tuple[Request, ...] = ()
    """What others have asked for and this person can grant, oldest first."""
    asked: tuple[Request, ...] = ()
    """What this person waits for, or has not gone on with."""
    browse: Browse = Browse()
    has_more: bool = False
    """Others follow what is shown."""
    first_hour: FirstHour | None = None
    """For a super admin who has not done or dismissed it yet."""
    only_here: str = ""
    """The address of the pages, if only browsers on this machine can open them."""


@dataclass(frozen=True, slots=True)
class ProgramUse:
    """That a program with a key asked for access to a mailbox."""

    program: str
    audience: str
    was_given: bool
    last_at: datetime


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A program's key, and the inboxes that it names, by address."""

    key: ApiKey
    named: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """Where a program is told, the inboxes that it is told of by address, and how many events it has not
    taken yet."""

    webhook: Webhook
    named: tuple[Channel, ...]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class KeysShown:
    """The keys of programs that work."""

    rows: tuple[KeyRow, ...]
    over: int
    """How many no longer work."""
    features: tuple[Feature, ...]
    """What keys may be for."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One channel, both sides."""

    row: ChannelRow
    scopes: frozenset[str]
    connected_by: UserId
    obtained_at: datetime | None
    incident: Incident | None
    next_probe_at: datetime | None
    recent: tuple[HistoryEntry, ...] = ()
    requests: tuple[Request, ...] = ()
    """What people wait for about it."""
    features: tuple[Feature, ...] = ()
    """What some of the scopes are for."""
    delegate: str = ""
    """Whose account opens it, where it is a shared mailbox."""
    mail: Mail | None = None
    """Where its mail goes, if that is watched and known."""
    programs: tuple[ProgramUse, ...] = ()
    """Which have used it in the last weeks, the latest first."""
    keys: tuple[ApiKey, ...] = ()
    """For its owner alone: keys that work and that name their personal inbox."""
    weeks: Availability | None = None
    """Of the last thirteen weeks."""
    outages: Outages = NO_OUTAGES
    """Of the last thirty days."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one provider is asked for at every consent, and why."""

    provider_label: str
    scopes: frozenset[str]
    features: tuple[Feature, ...]
    """What some of it is for."""
    asking_nothing: tuple[Feature, ...] = ()
    """Features that are switched on and need nothing of this provider."""
    sign_in_scopes: frozenset[str] = frozenset()
    """What the provider's page names besides; see ``ProviderTraits``."""


@dataclass(frozen=True, slots=True)
class ChannelPermissions:
    """What was asked for one channel, and what came of it."""

    row: ChannelRow
    ask: Ask
    granted: frozenset[str]
    granted_at: datetime | None
    """``None`` without a grant."""


LACKING_SHOWN: Final = 20
"""Channels that lack a permission which one message names; the others are counted."""


@dataclass(frozen=True, slots=True)
class PermissionsOverview:
    """What is asked of whom, and which channels somebody has to consent for again."""

    asks: tuple[Ask, ...]
    lacking: tuple[ChannelRow, ...]
    """The first ``LACKING_SHOWN``."""
    complete: int
    """How many channels have all that is asked for."""
    lacking_number: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Both sides of a removal, or of a switch: gone or elsewhere here, and what is known at the provider."""

    channel: Channel
    revocation: Revocation
    shared_here: int
    """Other inboxes of this workspace that use the same permission at the provider."""
    shared_elsewhere: int
    """The same in other workspaces of this deployment: a number only."""
    provider_label: str
    family: str
    """Whose manual steps apply: ``"google"``, ``"microsoft"``, ``"outlook"``, ``"imap"``."""
    by_hand: bool = False
    """Only the mailbox's owner can end the access at the provider."""
    grant_id: GrantId | None = None
    revocation_at: datetime | None = None
    kept_until: datetime | None = None
    """Until when the secret is kept to see whether the access is gone; ``None`` once erased."""
    delegate: str = ""
    """Whose account opened it, where it was a shared mailbox: nobody else finds the access in theirs."""
    is_delegate: bool = False
    """Whether that account is the reader's own: the provider's page shows them this access."""
    now_at: str = ""
    """The label of the provider that the channel is connected at, should it live on."""


@dataclass(frozen=True, slots=True)
class Told:
    """One person who was told of an outage, and what came of that."""

    recipient: UserId
    is_shown: bool
    unreachable: str = ""
    """Slack's error, if they could not be reached."""
    reminders: int = 0
    snoozed_until: datetime | None = None

    @classmethod
    def by(cls, notice: Notice) -> Told:
        """What one reader's notice says of it."""
        return cls(
            recipient=notice.recipient,
            is_shown=notice.ts is not None,
            unreachable=notice.unreachable,
            reminders=notice.reminders,
            snoozed_until=notice.snoozed_until,
        )


@dataclass(frozen=True, slots=True)
class HubSpotHistory:
    """An address that only HubSpot keeps: how it stands there, and what was seen, told and done, newest
    first."""

    side: BothSides
    records: tuple[HistoryEntry, ...]
    incident: Incident | None
    """The last outage, open or over."""
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class HistoryModel:
    """Why a channel is in its state: what was seen, judged, told and done, newest first."""

    row: ChannelRow
    records: tuple[HistoryEntry, ...]
    incident: Incident | None
    """The last outage, open or over."""
    told: tuple[Told, ...]
    next_probe_at: datetime | None
    strikes: int
    programs: tuple[ProgramUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Drill:
    """What would happen if this channel stopped working now. Nothing is touched, nobody is told."""

    row: ChannelRow
    readers: tuple[Person, ...]
    conversation_id: ConversationId | None
    told_within: timedelta
    """From the provider's refusal to the message, at the ordinary pace of probing."""
    reminders: tuple[timedelta, ...]


@dataclass(frozen=True, slots=True)
class Registration:
    """Our app as an organisation's admin meets it at the provider."""

    app_id: str = ""
    """What it is found by in their admin console."""
    approval_url: str = field(default="", repr=False)
    """Where they approve it for everybody; empty where there is no such page."""


@dataclass(frozen=True, slots=True)
class IncidentModel:
    """One outage in a message."""

    channel: Channel
    incident: Incident
    provider_label: str
    url: str = field(default="", repr=False)
    """Where *Reconnect* leads for this reader, while it is open."""
    app: Registration = Registration()
    """What the tenant's admin needs, where it is theirs to mend."""
    mail: Mail | None = None
    """Where its mail goes, if that is no longer where it is connected."""
    programs: tuple[str, ...] = ()
    """Names of those that have lately used it with keys of ours, where there is room to name them."""


HELD_NAMED: Final = 6
"""Addresses that the message of a mass refusal names; the others are counted."""
HELD_WITH_BUTTON: Final = 5
"""Inboxes with a button of their own; more of them stand in one select."""
HELD_READ: Final = 100
"""However many are held, no more than these are shown: a select of Slack's takes so many."""


@dataclass(frozen=True, slots=True)
class HeldModel:
    """What a mass refusal holds: how many, and as many of them as one reader's message can name."""

    number: int = 0
    seen: tuple[Channel, ...] = ()
    """The first of those that this reader may see, by address."""
    own_number: int = 0
    """How many of them this reader may reconnect."""
    own: tuple[Channel, ...] = ()
    """The first of these, by address."""


@dataclass(frozen=True, slots=True)
class NoticeModel:
    """All that is true of a notice at the moment it is shown."""

    notice: Notice
    channel: Channel | None
    """``None`` where it is about a channel that does not exist (yet)."""
    provider_label: str
    locale: str
    now: datetime
    command: str
    outages: tuple[IncidentModel, ...] = ()
    """For ``INCIDENT`` and ``CONVERSATION``: what it is about, in the order in which it began."""
    provider_outage: ProviderOutage | None = None
    held: HeldModel = HeldModel()
    """What the hold holds now."""
    organisation: tuple[str, ...] = ()
    """For a hold of one organisation: the domains by which people know it."""
    advice: Advice = Advice.WAIT
    """For a hold."""
    struck: Struck | None = None
    """How many the hold has ever held, and how many of them do not work yet."""
    proof: Proof | None = None
    """For a hold that is over: the reconnect that showed what the others need, if that ended it."""
    request: Request | None = None
    app: Registration = Registration()
    """For a request that waits for the organisation's admin, and for a hold of one organisation."""
    scopes: frozenset[str] = frozenset()
    """For such a request: what the admin is to approve."""
    features: tuple[Feature, ...] = ()
    """For such a request: what else than being kept connected that is for."""
    is_unheard: bool = False
    """Of a request: none of those who could grant it can be written to."""
    is_heard: bool = False
    """Of an outage of which nobody could be told: by now somebody was."""
    replies_to: str | None = None
    """Slack's id of the message in whose thread this one stands."""
    removal: Removal | None = None
    lacking: tuple[Feature, ...] = ()
    """Features that cannot use the channel yet."""
    is_told: bool = True
    """For ``CONNECTED``: this reader is among those who are told when it stops working."""
    delegate: str = ""
    """For ``DELEGATE_GONE``: whose account opens the shared mailbox."""
    is_back: bool = False
    """For ``OWNER_GONE`` and ``DELEGATE_GONE``: whoever had left is in the workspace again."""
    mail: Mail | None = None
    role_change: RoleChange | None = None
    hubspot: HubSpotModel | None = None
    """For what is about a portal's channels."""
    webhook: Webhook | None = None
    """For ``WEBHOOK_OFF`` and ``WEBHOOK_ORPHANED``; ``None`` once it was revoked."""
    api_key: ApiKey | None = None
    """For ``KEY_ENDS`` and ``KEY_ORPHANED``."""
    report: Report | None = None
    """For ``REPORT``."""
    may_undo: bool = False
    """For ``ROLE_CHANGED``: this reader can take it back."""
    takers: tuple[Person, ...] = ()
    """For an outage that this reader is on: to whom they can hand it over."""
    is_open: bool = True
    """Whether there is still something to do about it."""

    @property
    def actor(self) -> UserId | None:
        """Who did what the notice tells, if a person did."""
        by = self.notice.about.get("by")
        return UserId(by) if by else None


class UserGroup(Protocol):
    """A Slack user group, as far as a view needs it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


class PreviewShown(Protocol):
    """What a change of the super admins would come to, as far as a view needs it."""

    @property
    def subject(self) -> UserId: ...
    @property
    def is_given(self) -> bool: ...
    @property
    def super_admins(self) -> tuple[Person, ...]: ...
    @property
    def along(self) -> tuple[UserId, ...]: ...
    @property
    def basis(self) -> str: ...


class RosterShown(Protocol):
    """Who holds which role, as far as a view needs it."""

    @property
    def super_admins(self) -> tuple[Person, ...]: ...
    @property
    def account_access(self) -> tuple[Person, ...]: ...
    @property
    def groups(self) -> tuple[UserGroup, ...]:
        """The user groups that have account access."""

    @property
    def chosen(self) -> frozenset[UserId]:
        """Super admins that were chosen in Slack."""

    @property
    def is_fixed(self) -> bool:
        """The operator's setting names the super admins."""

    @property
    def may_change(self) -> bool: ...
    @property
    def other_groups(self) -> tuple[UserGroup, ...]: ...


@dataclass(frozen=True, slots=True)
class Landing:
    """What the first page says before anything happens."""

    address: str
    requester_name: str
    workspace_name: str
    purpose: Purpose
    provider_label: str
    locale: str
    takes_password: bool = False
    """A form of ours comes next, not the provider's page."""
    is_shared: bool = False
    """A shared mailbox: whoever signs in does so as themselves."""
    account: str = ""
    """As whom to sign in, where the address is not the account's own."""
    scopes: frozenset[str] = frozenset()
    """All that the provider will ask for."""
    features: tuple[Feature, ...] = ()
    """What some of it is for."""
    sign_in_scopes: frozenset[str] = frozenset()
    """What the provider's page names besides; see ``ProviderTraits``."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came of a sign-in, and what its page can offer."""

    outcome: TicketOutcome
    provider_label: str
    lacking: tuple[Feature, ...] = ()
    """Features that cannot use what was just connected, because their permission was left unticked."""
    may_ask_admin: bool = False
    """An organisation's approval may be what was missing, and was not asked for yet."""
    may_confirm: bool = False
    """Whoever signed in may say that this account receives the address. Asked again then."""


@dataclass(frozen=True, slots=True)
class ExportLanding:
    """What the page says before a history is downloaded."""

    requester_name: str
    workspace_name: str
    locale: str
    lines: int
    """The most that the file holds."""
    is_report: bool = False
    """It is not the history but how well inboxes worked."""


@dataclass(frozen=True, slots=True)
class AuthorizationStart(AboutInbox):
    """A ticket, ready to be opened in a browser."""

    inbox: InboxSpec
    """What it leads to: the address, and the provider that it is to be at."""
    provider_label: str
    scopes: frozenset[str]
    """All that will be asked for, in one consent."""
    url: str = field(repr=False)
    purpose: Purpose
    ticket_id: TicketId
    account: str = ""
    """As whom to sign in, where the address is not the account's own."""
    takes_password: bool = False
    """On the next page a form of ours asks; there is nothing to tick."""
    may_be_shared: bool = False
    """It could be a shared mailbox: the person can say so."""
    others: tuple[tuple[str, str], ...] = ()
    """Key and label of the providers that could be chosen instead; of a switch, those that none leads to."""
    features: tuple[Feature, ...] = ()
    """What is asked for beyond what keeping the mailbox connected needs, and why."""
    sign_in_scopes: frozenset[str] = frozenset()
    """What the provider's page names besides; see ``ProviderTraits``."""
    leaves: Removal | None = None
    """Of a switch: the channel as it is until the sign-in has been proven, and what the switch means at the
    provider that is left."""

    @property
    def reconnect(self) -> bool:
        return self.purpose is Purpose.RECONNECT

    @property
    def requested_change(self) -> RequestedChange | None:
        """What a new channel is begun with, to begin it again at another provider."""
        return RequestedChange(Operation.CONNECT, self.inbox) if self.purpose is Purpose.CONNECT else None
