"""The tables. One rule: what must be unique, or must not contradict itself, is a constraint here.

Enumerations are plain text without a list of allowed words: a new word must not need SQLite to rebuild
a table. Addresses are kept as typed, and once more folded (``*_key``) for comparing.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.types import Instant

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _maybe(name: str) -> Column[str]:
    return Column(name, Text)


def _instant(name: str) -> Column[Any]:
    return Column(name, Instant, nullable=False)


def _maybe_instant(name: str) -> Column[Any]:
    return Column(name, Instant)


def _number(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=str(default))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _of_channel(*, required: bool, primary_key: bool = False) -> Column[str]:
    """Checked at commit, so that one transaction may write its rows in any order."""
    key = ForeignKey("channel.id", deferrable=True, initially="DEFERRED")
    return Column("channel_id", Text, key, nullable=not required, primary_key=primary_key)


workspace: Final = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _text("bot_user_id"),
    _maybe_instant("gone_at"),
    _instant("seen_at"),
)

person: Final = Table(
    "person",
    metadata,
    _text("workspace_id"),
    _text("id"),
    _text("name"),
    _text("email"),
    _text("email_key"),
    _text("locale"),
    _flag("is_owner"),
    _flag("is_guest"),
    _flag("is_bot"),
    _flag("is_deleted"),
    _instant("read_at"),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index("ix_person_email", "workspace_id", "email_key"),
)

channel: Final = Table(
    "channel",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace_id"),
    _text("address"),
    _text("address_key"),
    _text("kind"),
    _maybe("owner_id"),
    _text("connected_by"),
    _text("provider"),
    _text("identity_provider"),
    _text("identity_subject"),
    _text("identity_tenant"),
    _text("state"),
    _text("cause"),
    _instant("since"),
    _instant("created_at"),
    _maybe("grant_id"),
    _text("use"),
    _text("name"),
    _maybe("conversation_id"),
    _number("version"),
    _maybe_instant("removed_at"),
    CheckConstraint("(kind = 'personal') = (owner_id IS NOT NULL)", name="owner"),
    CheckConstraint("(state = 'removed') = (removed_at IS NOT NULL)", name="removed"),
    Index(
        "uq_channel_address",
        "workspace_id",
        "address_key",
        unique=True,
        sqlite_where=text("state <> 'removed'"),
        postgresql_where=text("state <> 'removed'"),
    ),
    Index("ix_channel_owner", "workspace_id", "owner_id"),
    Index("ix_channel_removed", "workspace_id", "address_key", "removed_at"),
)

grant: Final = Table(
    "grant_",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace_id"),
    _of_channel(required=False),
    _text("address"),
    _text("identity_provider"),
    _text("identity_subject"),
    _text("identity_tenant"),
    _text("scopes"),
    Column("sealed", LargeBinary),
    _text("phase"),
    _instant("obtained_at"),
    _text("revocation"),
    _maybe_instant("revocation_at"),
    _maybe_instant("retired_at"),
    _number("version"),
    Index("ix_grant_channel", "channel_id"),
    Index("ix_grant_identity", "identity_provider", "identity_subject", "phase"),
    Index("ix_grant_phase", "phase", "retired_at"),
)

probe: Final = Table(
    "probe",
    metadata,
    _of_channel(required=True, primary_key=True),
    _text("workspace_id"),
    _text("grant_id"),
    _text("provider"),
    _instant("due_at"),
    _maybe("lease_token"),
    _maybe_instant("lease_until"),
    _number("strikes"),
    _number("tries"),
    _maybe_instant("first_refused_at"),
    _maybe_instant("last_ok_at"),
    _maybe_instant("last_done_at"),
    _text("outcome"),
    Index("ix_probe_due", "due_at"),
    Index("ix_probe_proven", "provider", "last_ok_at"),
)

UNFINISHED: Final = text("done_at IS NULL AND dead_at IS NULL")

job: Final = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    _text("lane"),
    _text("kind"),
    _text("dedupe"),
    Column("payload", JSON, nullable=False),
    _instant("due_at"),
    _instant("created_at"),
    _number("attempts"),
    _text("last_class"),
    _maybe("lease_token"),
    # Asked for again while it runs: it is then not done when it is done.
    _flag("rerun"),
    _maybe_instant("done_at"),
    _maybe_instant("dead_at"),
    CheckConstraint("done_at IS NULL OR dead_at IS NULL", name="ended_once"),
    Index("uq_job_dedupe", "dedupe", unique=True, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
    Index("ix_job_due", "due_at", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
    Index("ix_job_lane", "lane", "due_at", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
    Index("ix_job_done", "done_at"),
    Index("ix_job_dead", "dead_at"),
)

lane: Final = Table(
    "lane",
    metadata,
    Column("key", Text, primary_key=True),
    _maybe_instant("paced_until"),
    _maybe("lease_token"),
    _maybe_instant("lease_until"),
    Index("ix_lane_paced", "paced_until"),
)

slot: Final = Table("slot", metadata, _text("name"), _instant("at"), PrimaryKeyConstraint("name", "at"))


def _trip() -> list[Column[Any]]:
    """What a ticket and its kept outcome both know of the trip."""
    return [
        _text("workspace_id"),
        _text("user_id"),
        _text("purpose"),
        _text("address"),
        _text("address_key"),
        _text("kind"),
        _text("provider"),
        _instant("created_at"),
        _maybe("channel_id"),
        _text("use"),
        _maybe("view_id"),
        _maybe("browser"),
        _text("locale"),
    ]


ticket: Final = Table(
    "ticket",
    metadata,
    Column("id", Text, primary_key=True),
    *_trip(),
    _instant("expires_at"),
    Column("sealed", LargeBinary, nullable=False),
    _text("nonce"),
    Index("ix_ticket_expires", "expires_at"),
    Index("ix_ticket_channel", "channel_id"),
    Index("ix_ticket_address", "workspace_id", "address_key"),
)

ticket_outcome: Final = Table(
    "ticket_outcome",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    *_trip(),
    _instant("ticket_expires_at"),
    _instant("expires_at"),
    _text("ending"),
    _instant("at"),
    _text("signed_in"),
    _text("missing"),
    _text("code"),
    Index("ix_ticket_outcome_expires", "expires_at"),
)

link: Final = Table(
    "link",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace_id"),
    _text("user_id"),
    _text("incident_id"),
    _text("channel_id"),
    Column("sealed", LargeBinary, nullable=False),
    _instant("created_at"),
    UniqueConstraint("user_id", "incident_id", "channel_id"),
    Index("ix_link_channel", "channel_id"),
)

incident: Final = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace_id"),
    _of_channel(required=True),
    _text("kind"),
    _text("cause"),
    _instant("opened_at"),
    _text("code"),
    _maybe_instant("resolved_at"),
    _maybe("resolution"),
    _maybe("resolved_by"),
    CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved"),
    Index(
        "uq_incident_open",
        "channel_id",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index("ix_incident_channel", "channel_id", "opened_at"),
)

notice: Final = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),
    _text("workspace_id"),
    _text("recipient"),
    _text("kind"),
    _maybe("channel_id"),
    _maybe("incident_id"),
    _maybe("grant_id"),
    _text("subject"),
    # What it is about, in one column, because NULLs are never equal to each other.
    _text("topic"),
    _number("wanted_rev", 1),
    _number("shown_rev"),
    _maybe("conversation_id"),
    _maybe("ts"),
    _maybe("nonce"),
    _maybe_instant("sending_since"),
    _maybe_instant("created_at"),
    _text("unreachable"),
    UniqueConstraint("workspace_id", "recipient", "kind", "topic"),
    Index("ix_notice_incident", "incident_id"),
    Index("ix_notice_grant", "grant_id"),
    Index("ix_notice_channel", "channel_id", "kind"),
)

history: Final = Table(
    "history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("workspace_id"),
    _text("channel_id"),
    _instant("at"),
    _text("what"),
    _maybe("actor"),
    Column("details", JSON, nullable=False),
    Index("ix_history_channel", "channel_id", "at"),
    Index("ix_history_at", "at"),
)

seen: Final = Table(
    "seen", metadata, Column("key", Text, primary_key=True), _instant("at"), Index("ix_seen_at", "at")
)

meta: Final = Table("meta", metadata, Column("key", Text, primary_key=True), _text("value"))
