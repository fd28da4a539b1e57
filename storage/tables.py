"""The tables. One rule: what must be unique, or must not contradict itself, is a constraint here.

Enumerations are plain text without a list of allowed words: a new word must not need SQLite to rebuild
a table. Addresses are kept as typed, and once more folded (``*_key``) for comparing.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.column_types import (
    flag,
    instant,
    maybe_instant,
    maybe_text,
    number,
    of_channel,
    ordered_text,
    partial,
    required_text,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

workspace: Final = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("name"),
    required_text("bot_user_id"),
    maybe_instant("gone_at"),
    instant("seen_at"),
)

person: Final = Table(
    "person",
    metadata,
    required_text("workspace_id"),
    required_text("id"),
    required_text("name"),
    required_text("email"),
    required_text("email_key"),
    required_text("locale"),
    Column("utc_offset", Integer, nullable=False, server_default="0"),
    flag("is_owner"),
    flag("is_guest"),
    flag("is_bot"),
    flag("is_deleted"),
    # What they did on day one; not of Slack's.
    flag("has_rehearsed"),
    flag("hides_first_hour"),
    instant("read_at"),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index("ix_person_email", "workspace_id", "email_key"),
    partial("ix_person_owner", "workspace_id", "id", where="is_owner"),
)

TROUBLED: Final = text("state IN ('impaired', 'disconnected')")
"""Few of many. Who asks for them says so in these words, as the index does: of a parameter no database knows
what it will be."""

channel: Final = Table(
    "channel",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("address"),
    ordered_text("address_key"),
    required_text("kind"),
    maybe_text("owner_id"),
    required_text("connected_by"),
    required_text("provider"),
    required_text("identity_provider"),
    required_text("identity_subject"),
    required_text("identity_tenant"),
    required_text("state"),
    required_text("cause"),
    instant("since"),
    instant("created_at"),
    maybe_text("grant_id"),
    required_text("use"),
    required_text("name"),
    maybe_text("conversation_id"),
    number("version"),
    maybe_instant("removed_at"),
    # The account that opens it, where that does not own the address.
    maybe_text("via"),
    # What its host answers, while that is all that is known of the trouble.
    maybe_text("said"),
    # Since when it had worked before a trouble that turned out to be nothing.
    maybe_instant("worked_since"),
    # The key from its end, for what was mistyped at its beginning.
    ordered_text("address_reversed"),
    # What a search looks through. Of letters beyond ASCII SQLite does not know the small ones.
    required_text("sought"),
    CheckConstraint("(kind = 'personal') = (owner_id IS NOT NULL)", name="owner"),
    CheckConstraint("(state = 'removed') = (removed_at IS NOT NULL)", name="removed"),
    partial("uq_channel_address", "workspace_id", "address_key", unique=True, where="state <> 'removed'"),
    Index("ix_channel_owner", "workspace_id", "owner_id"),
    partial("ix_channel_listed", "workspace_id", "kind", "state", "address_key", where="state <> 'removed'"),
    partial("ix_channel_reversed", "workspace_id", "kind", "address_reversed", where="state <> 'removed'"),
    partial("ix_channel_held", "workspace_id", "provider", "address_key", where="cause = 'held'"),
    Index("ix_channel_removed", "workspace_id", "address_key", "removed_at"),
    Index("ix_channel_tenant", "provider", "identity_tenant", "state"),
    partial("ix_channel_troubled", "provider", "cause", "identity_tenant", where=TROUBLED),
    partial("ix_channel_team", "workspace_id", "state", where="kind = 'team'"),
    partial("ix_channel_page", "workspace_id", "id", where="kind = 'team' AND state <> 'removed'"),
    partial(
        "ix_channel_told",
        "workspace_id",
        "kind",
        "conversation_id",
        "address_key",
        where="conversation_id IS NOT NULL",
    ),
)

grant: Final = Table(
    "grant_",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    of_channel(required=False),
    required_text("address"),
    required_text("identity_provider"),
    required_text("identity_subject"),
    required_text("identity_tenant"),
    required_text("scopes"),
    Column("sealed", LargeBinary),
    required_text("phase"),
    instant("obtained_at"),
    required_text("revocation"),
    maybe_instant("revocation_at"),
    maybe_instant("retired_at"),
    # A shared mailbox is reached through somebody else's account.
    maybe_text("delegate_subject"),
    maybe_text("delegate_address"),
    # What the provider wants to be told at the next sign-in.
    maybe_text("claims"),
    # How often it was looked at since it was retired, where every look is a login.
    number("looks"),
    number("version"),
    # Who may refresh it until when, and how often that went well: two at once may end a grant.
    maybe_text("lease_token"),
    maybe_instant("lease_until"),
    number("renewals"),
    Index("ix_grant_channel", "channel_id"),
    Index("ix_grant_identity", "identity_provider", "identity_subject", "phase"),
    # Of the few that have one: else SQLite takes it for a column that tells nothing apart.
    partial(
        "ix_grant_delegate",
        "identity_provider",
        "delegate_subject",
        "phase",
        where="delegate_subject IS NOT NULL",
    ),
    partial(
        "ix_grant_delegate_address", "workspace_id", "delegate_address", where="delegate_address IS NOT NULL"
    ),
    Index("ix_grant_phase", "phase", "retired_at"),
    # What was granted, and to whom: few differ, however many there are.
    partial(
        "ix_grant_granted",
        "workspace_id",
        "identity_provider",
        "scopes",
        "delegate_subject",
        where="phase = 'live'",
    ),
)

probe: Final = Table(
    "probe",
    metadata,
    of_channel(required=True, primary_key=True),
    required_text("workspace_id"),
    required_text("grant_id"),
    required_text("provider"),
    instant("due_at"),
    maybe_text("lease_token"),
    maybe_instant("lease_until"),
    number("strikes"),
    number("tries"),
    maybe_instant("first_refused_at"),
    maybe_instant("last_ok_at"),
    maybe_instant("last_done_at"),
    required_text("outcome"),
    # A refusal that nobody knows: its code, and since when it has been the same.
    maybe_text("unknown_code"),
    maybe_instant("unknown_since"),
    # The same answer without a reason, over and over: which (a digest), since when and how often.
    maybe_text("heard"),
    maybe_instant("heard_since"),
    number("heard_times"),
    # The outage in whose line it waits.
    maybe_text("hold_id"),
    Index("ix_probe_due", "due_at"),
    partial("ix_probe_line", "hold_id", "due_at", where="hold_id IS NOT NULL"),
    Index("ix_probe_proven", "provider", "last_ok_at"),
)

UNFINISHED: Final = text("done_at IS NULL AND dead_at IS NULL")

job: Final = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("lane"),
    required_text("kind"),
    required_text("dedupe"),
    Column("payload", JSON, nullable=False),
    instant("due_at"),
    instant("created_at"),
    number("attempts"),
    required_text("last_class"),
    maybe_text("lease_token"),
    # Asked for again while it runs: it is then not done when it is done.
    flag("rerun"),
    maybe_instant("done_at"),
    maybe_instant("dead_at"),
    CheckConstraint("done_at IS NULL OR dead_at IS NULL", name="ended_once"),
    partial("uq_job_dedupe", "dedupe", unique=True, where=UNFINISHED),
    partial("ix_job_due", "due_at", where=UNFINISHED),
    partial("ix_job_lane", "lane", "due_at", where=UNFINISHED),
    Index("ix_job_done", "done_at"),
    Index("ix_job_dead", "dead_at"),
)

lane: Final = Table(
    "lane",
    metadata,
    Column("key", Text, primary_key=True),
    maybe_instant("paced_until"),
    maybe_text("lease_token"),
    maybe_instant("lease_until"),
    Index("ix_lane_paced", "paced_until"),
)

role: Final = Table(
    "role",
    metadata,
    required_text("workspace_id"),
    required_text("role"),
    # A person, or a Slack user group (S…).
    required_text("subject"),
    required_text("added_by"),
    instant("added_at"),
    # When a user group's members were last read from Slack.
    maybe_instant("read_at"),
    PrimaryKeyConstraint("workspace_id", "role", "subject"),
)

role_change: Final = Table(
    "role_change",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("actor"),
    instant("at"),
    required_text("role"),
    required_text("subject"),
    flag("is_given"),
    # Whose role changed, from what to what; who was chosen with it.
    Column("people", JSON, nullable=False),
    Column("along", JSON, nullable=False),
    required_text("undoes"),
    maybe_text("undone_by"),
    maybe_instant("undone_at"),
    Index("ix_role_change_at", "at"),
)

group_member: Final = Table(
    "group_member",
    metadata,
    required_text("workspace_id"),
    required_text("group_id"),
    required_text("user_id"),
    PrimaryKeyConstraint("workspace_id", "group_id", "user_id"),
)

request: Final = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("requester"),
    required_text("deed"),
    required_text("address"),
    required_text("address_key"),
    required_text("kind"),
    maybe_text("channel_id"),
    required_text("use"),
    required_text("name"),
    maybe_text("conversation_id"),
    maybe_text("provider"),
    flag("is_shared"),
    required_text("reason"),
    required_text("state"),
    instant("created_at"),
    instant("expires_at"),
    maybe_text("answered_by"),
    maybe_instant("answered_at"),
    required_text("answer_reason"),
    Column("awaits", Text, nullable=False, server_default="admins"),
    # What the provider hands back when an organisation's admin has decided: sealed, and what it is found by.
    Column("sealed", LargeBinary),
    maybe_text("digest"),
    maybe_text("tenant"),
    maybe_text("follows"),
    Index("uq_request_digest", "digest", unique=True),
    partial(
        "uq_request_waiting",
        "workspace_id",
        "requester",
        "deed",
        "address_key",
        "awaits",
        unique=True,
        where="state = 'waiting'",
    ),
    Index("ix_request_channel", "channel_id"),
    Index("ix_request_requester", "workspace_id", "requester", "created_at"),
    Index("ix_request_expires", "state", "expires_at"),
)

hold: Final = Table(
    "hold",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("provider"),
    required_text("tenant"),
    instant("opened_at"),
    maybe_instant("ended_at"),
    flag("was_false_alarm"),
    maybe_instant("recovered_at"),
    number("revision"),
    partial("uq_hold_open", "workspace_id", "provider", "tenant", unique=True, where="ended_at IS NULL"),
)

# Who was ever in a hold, and what became of them: what is still refused is judged by it.
held: Final = Table(
    "held",
    metadata,
    required_text("hold_id"),
    of_channel(required=True),
    instant("joined_at"),
    # When its host took the old grant again.
    maybe_instant("back_at"),
    # When somebody signed in anew although the old grant was refused even then: the reconnect was needed.
    maybe_instant("renewed_at"),
    maybe_text("renewed_by"),
    PrimaryKeyConstraint("hold_id", "channel_id"),
    Index("ix_held_channel", "channel_id"),
)

slot: Final = Table(
    "slot", metadata, required_text("name"), instant("at"), PrimaryKeyConstraint("name", "at")
)

# Where a team address's mail goes, as the daily look saw it.
whereabouts: Final = Table(
    "whereabouts",
    metadata,
    of_channel(required=True, primary_key=True),
    required_text("place"),
    instant("since"),
    required_text("seen"),
    instant("seen_at"),
    maybe_instant("left_at"),
)

# How a channel did on a day that is over, in seconds, if it was not connected all day.
availability: Final = Table(
    "availability",
    metadata,
    of_channel(required=True),
    # The day in UTC, counted from the first of January of the year 1.
    Column("day", Integer, nullable=False),
    required_text("workspace_id"),
    number("up"),
    number("down"),
    number("unknown"),
    PrimaryKeyConstraint("channel_id", "day"),
    partial("ix_availability_down", "workspace_id", "day", where="down > 0"),
    Index("ix_availability_day", "day"),
)

# Who is sent a report each month.
report_reader: Final = Table(
    "report_reader",
    metadata,
    required_text("workspace_id"),
    required_text("user_id"),
    PrimaryKeyConstraint("workspace_id", "user_id"),
)

# A login at a host that locks people out: under way, or refused lately.
login_slot: Final = Table(
    "login_slot",
    metadata,
    required_text("host"),
    number("number"),
    required_text("token"),
    instant("until"),
    PrimaryKeyConstraint("host", "number"),
    Index("ix_login_slot_until", "until"),
)


def _trip() -> list[Column[Any]]:
    """What a ticket and its kept outcome both know of the trip."""
    return [
        required_text("workspace_id"),
        required_text("user_id"),
        required_text("purpose"),
        required_text("address"),
        required_text("address_key"),
        required_text("kind"),
        required_text("provider"),
        instant("created_at"),
        maybe_text("channel_id"),
        required_text("use"),
        maybe_text("name"),
        maybe_text("conversation_id"),
        maybe_text("request_id"),
        maybe_text("view_id"),
        maybe_text("browser"),
        required_text("locale"),
        flag("is_shared"),
        maybe_text("via"),
        maybe_text("confirmed"),
    ]


ticket: Final = Table(
    "ticket",
    metadata,
    Column("id", Text, primary_key=True),
    *_trip(),
    instant("expires_at"),
    Column("sealed", LargeBinary, nullable=False),
    required_text("nonce"),
    # What a provider's own library must find again when the person comes back; sealed.
    Column("memo", LargeBinary),
    maybe_text("claims"),
    number("tries"),
    Index("ix_ticket_expires", "expires_at"),
    Index("ix_ticket_channel", "channel_id"),
    Index("ix_ticket_address", "workspace_id", "address_key"),
)

ticket_outcome: Final = Table(
    "ticket_outcome",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    *_trip(),
    instant("ticket_expires_at"),
    instant("expires_at"),
    required_text("ending"),
    instant("at"),
    required_text("signed_in"),
    maybe_text("signed_in_id"),
    flag("stands"),
    maybe_text("claims"),
    required_text("missing"),
    required_text("code"),
    Index("ix_ticket_outcome_expires", "expires_at"),
)

download: Final = Table(
    "download",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("user_id"),
    required_text("file"),
    required_text("locale"),
    instant("created_at"),
    instant("expires_at"),
    # SHA-256 (hex) of the cookie of the browser that has it.
    maybe_text("browser"),
    Index("ix_download_expires", "expires_at"),
)

link: Final = Table(
    "link",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("user_id"),
    required_text("incident_id"),
    required_text("channel_id"),
    Column("sealed", LargeBinary, nullable=False),
    instant("created_at"),
    # How often it was gone on with, since when.
    maybe_instant("starts_since"),
    number("starts"),
    UniqueConstraint("user_id", "incident_id", "channel_id"),
    Index("ix_link_channel", "channel_id"),
)

incident: Final = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    # Of a channel or, by its kind, of a HubSpot channel: ids are random, so none is ever both.
    required_text("channel_id"),
    required_text("kind"),
    required_text("cause"),
    instant("opened_at"),
    required_text("code"),
    maybe_instant("resolved_at"),
    maybe_text("resolution"),
    maybe_text("resolved_by"),
    maybe_text("claimed_by"),
    maybe_instant("claimed_at"),
    flag("is_uncorroborated"),
    number("relapses"),
    # What showed that it must be reconnected: others that were refused with it had to be.
    maybe_instant("proven_at"),
    maybe_text("proven_by"),
    maybe_text("proven_with"),
    CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved"),
    partial("uq_incident_open", "channel_id", unique=True, where="resolved_at IS NULL"),
    Index("ix_incident_channel", "channel_id", "opened_at"),
)

STALE: Final = text("shown_rev < wanted_rev AND ts IS NOT NULL")

notice: Final = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("recipient"),
    required_text("kind"),
    maybe_text("channel_id"),
    maybe_text("incident_id"),
    maybe_text("grant_id"),
    required_text("subject"),
    # What it is about, in one column, because NULLs are never equal to each other.
    required_text("topic"),
    number("wanted_rev", 1),
    number("shown_rev"),
    # Since when its message in Slack shows less than it should.
    maybe_instant("stale_since"),
    maybe_text("conversation_id"),
    maybe_text("ts"),
    maybe_text("nonce"),
    maybe_instant("sending_since"),
    maybe_instant("created_at"),
    required_text("unreachable"),
    # A reply in the thread of another notice.
    maybe_text("thread_of"),
    maybe_instant("snoozed_until"),
    number("reminders"),
    UniqueConstraint("workspace_id", "recipient", "kind", "topic"),
    partial("ix_notice_stale", "workspace_id", "stale_since", where=STALE),
    Index("ix_notice_kind", "workspace_id", "kind", "created_at"),
    Index("ix_notice_reader", "workspace_id", "recipient", "kind", "created_at"),
    Index("ix_notice_incident", "incident_id"),
    Index("ix_notice_grant", "grant_id"),
    Index("ix_notice_channel", "channel_id", "kind"),
)

notice_incident: Final = Table(
    "notice_incident",
    metadata,
    required_text("notice_id"),
    required_text("incident_id"),
    PrimaryKeyConstraint("notice_id", "incident_id"),
    Index("ix_notice_incident_incident", "incident_id"),
)

LOST: Final = text("what = 'refused_again'")
"""A step by which a channel was called disconnected: few of many lines."""

history: Final = Table(
    "history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    required_text("workspace_id"),
    required_text("channel_id"),
    instant("at"),
    required_text("what"),
    maybe_text("actor"),
    Column("details", JSON, nullable=False),
    Index("ix_history_channel", "channel_id", "at"),
    Index("ix_history_at", "at"),
    partial("ix_history_lost", "workspace_id", "at", where=LOST),
)

seen: Final = Table(
    "seen", metadata, Column("key", Text, primary_key=True), instant("at"), Index("ix_seen_at", "at")
)

meta: Final = Table("meta", metadata, Column("key", Text, primary_key=True), required_text("value"))

# The portal that a workspace's token opens, and how watching it goes.
hubspot_portal: Final = Table(
    "hubspot_portal",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    required_text("portal_id"),
    required_text("ui_domain"),
    required_text("hosting"),
    required_text("time_zone"),
    required_text("account_type"),
    Column("super_admins", JSON, nullable=False),
    flag("is_people_read"),
    maybe_instant("read_at"),
    maybe_instant("looked_at"),
    required_text("trouble"),
    instant("due_at"),
    instant("began_at"),
)

hubspot_inbox: Final = Table(
    "hubspot_inbox",
    metadata,
    required_text("workspace_id"),
    required_text("portal_id"),
    required_text("inbox_id"),
    required_text("name"),
    required_text("type"),
    flag("is_archived"),
    maybe_text("conversation_id"),
    PrimaryKeyConstraint("workspace_id", "portal_id", "inbox_id"),
)

hubspot_channel: Final = Table(
    "hubspot_channel",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("portal_id"),
    required_text("account_id"),
    required_text("inbox_id"),
    required_text("name"),
    required_text("address"),
    required_text("address_key"),
    required_text("state"),
    instant("since"),
    maybe_instant("not_before"),
    maybe_instant("suspect_at"),
    maybe_instant("suspect_after"),
    maybe_text("held_by"),
    required_text("announcement"),
    UniqueConstraint("workspace_id", "portal_id", "account_id"),
    Index("ix_hubspot_channel_address", "workspace_id", "address_key"),
    Index("ix_hubspot_channel_announcement", "announcement"),
)

# Who is who, where somebody's address in HubSpot is not the one in Slack.
hubspot_pair: Final = Table(
    "hubspot_pair",
    metadata,
    required_text("workspace_id"),
    required_text("email"),
    required_text("email_key"),
    required_text("user_id"),
    required_text("paired_by"),
    instant("paired_at"),
    PrimaryKeyConstraint("workspace_id", "email_key"),
)

# What a program shows to be given access tokens: only a digest of it is kept.
api_key: Final = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("name"),
    required_text("digest"),
    # Every team address, or those in ``api_key_channel``.
    flag("is_for_team"),
    required_text("features"),
    required_text("networks"),
    required_text("created_by"),
    instant("created_at"),
    instant("expires_at"),
    maybe_instant("last_used_at"),
    maybe_text("last_used_from"),
    maybe_instant("revoked_at"),
    # SHA-256 of the secret in the key's own address, where it has one.
    maybe_text("door_digest"),
    Index("ix_api_key_workspace", "workspace_id", "created_at"),
    Index("uq_api_key_door", "door_digest", unique=True),
)

api_key_channel: Final = Table(
    "api_key_channel",
    metadata,
    required_text("key_id"),
    required_text("channel_id"),
    # Of a personal inbox: who was asked whether the key may use it, what they said last, and when.
    maybe_text("owner_id"),
    maybe_text("answer"),
    maybe_instant("answered_at"),
    PrimaryKeyConstraint("key_id", "channel_id"),
    Index("ix_api_key_channel_channel", "channel_id"),
)

# The latest access token of a grant for one of its provider's resources, sealed.
access_token: Final = Table(
    "access_token",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("grant_id"),
    # Of the grant's row, as it was then: a token of what was replaced or erased is not used.
    number("grant_version"),
    Column("sealed", LargeBinary, nullable=False),
    instant("obtained_at"),
    instant("expires_at"),
    Index("ix_access_token_grant", "grant_id"),
    Index("ix_access_token_expires", "expires_at"),
)

# Which key asked for which mailbox's token, for what, how that ended, and how often within an hour.
token_use: Final = Table(
    "token_use",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("key_id"),
    required_text("channel_id"),
    required_text("audience"),
    # ``given``, or why not.
    required_text("outcome"),
    number("times"),
    instant("first_at"),
    instant("last_at"),
    required_text("last_from"),
    Index("ix_token_use_channel", "channel_id", "last_at"),
    Index("ix_token_use_at", "last_at"),
)

# What became of a team address, for programs. ``position`` is given once the change is there for all to see.
channel_event: Final = Table(
    "channel_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    required_text("name"),
    required_text("workspace_id"),
    required_text("channel_id"),
    required_text("type"),
    instant("at"),
    required_text("provider"),
    required_text("state"),
    required_text("cause"),
    instant("since"),
    number("version"),
    Column("position", BigInteger()),
    UniqueConstraint("position"),
    Index("ix_channel_event_channel", "channel_id", "id"),
    Index("ix_channel_event_at", "at"),
    partial("ix_channel_event_unplaced", "id", where="position IS NULL"),
)

# Where programs are told. Address and secrets are sealed: addresses of such kind often hold a secret, too.
webhook: Final = Table(
    "webhook",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("workspace_id"),
    required_text("name"),
    required_text("host"),
    Column("sealed", LargeBinary, nullable=False),
    # Every team address, or those in ``webhook_channel``.
    flag("is_for_team"),
    required_text("created_by"),
    instant("created_at"),
    maybe_instant("edited_at"),
    maybe_instant("rotated_at"),
    maybe_instant("proven_at"),
    maybe_instant("off_at"),
    required_text("off_reason"),
    # In a row, since the last success.
    number("failures"),
    maybe_instant("failing_since"),
    maybe_instant("tried_at"),
    maybe_instant("retry_at"),
    maybe_instant("succeeded_at"),
    required_text("last_answer"),
    Index("ix_webhook_workspace", "workspace_id", "created_at"),
)

webhook_channel: Final = Table(
    "webhook_channel",
    metadata,
    required_text("webhook_id"),
    required_text("channel_id"),
    PrimaryKeyConstraint("webhook_id", "channel_id"),
    Index("ix_webhook_channel_channel", "channel_id"),
)

# The latest event of a channel that a webhook has not taken yet.
webhook_event: Final = Table(
    "webhook_event",
    metadata,
    required_text("webhook_id"),
    required_text("channel_id"),
    Column("event_id", BigInteger(), nullable=False),
    number("attempts"),
    # Or tried last.
    instant("asked_at"),
    instant("due_at"),
    PrimaryKeyConstraint("webhook_id", "channel_id"),
    Index("ix_webhook_event_due", "webhook_id", "due_at"),
    Index("ix_webhook_event_channel", "channel_id"),
    Index("ix_webhook_event_event", "event_id"),
)
