"""What every part of the local Slack shares: the workspace, the handles, the faults, the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.slack import seed
from sandbox.slack.calllog import CallLog
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Faults
from sandbox.slack.handles import ResponseUrls, Triggers
from sandbox.slack.state import Conversation, Person, Workspace
from sandbox.slack.tiers import Tiers

GRANTED = (
    "channels:join",
    "chat:write",
    "commands",
    "im:history",
    "im:write",
    "users:read",
    "users:read.email",
)


@dataclass
class Settings:
    """How the app is installed. `public_url` is known once the port is."""

    bot_token: str
    app_token: str
    signing_secret: str
    command: str
    scopes: tuple[str, ...] = GRANTED
    home_tab: bool = True
    messages_read_only: bool = True
    """Nobody can write to the app in its conversation, as the manifest wants it."""
    public_url: str | None = None
    request_url: str | None = None
    installed: bool = True

    def base_url(self) -> str:
        if self.public_url is None:
            raise RuntimeError("the local Slack does not know its own address yet: set public_url")
        return self.public_url


@dataclass
class Core:
    clock: SandboxClock
    settings: Settings
    workspace: Workspace
    triggers: Triggers
    response_urls: ResponseUrls
    faults: Faults
    calls: CallLog
    paced: dict[str, float] = field(default_factory=dict)
    tiers: Tiers = field(default_factory=Tiers)
    socket_tickets: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *, clock: SandboxClock, settings: Settings) -> Core:
        return cls(
            clock=clock,
            settings=settings,
            workspace=seed.acme(clock),
            triggers=Triggers(clock),
            response_urls=ResponseUrls(clock),
            faults=Faults(),
            calls=CallLog(clock),
        )

    def require_scope(self, scope: str) -> None:
        if scope not in self.settings.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(self.settings.scopes))

    def known_person(self, user: Any) -> Person:
        person = self.workspace.people.get(user) if isinstance(user, str) else None
        if person is None:
            raise SlackError("user_not_found")
        return person

    def known_conversation(self, conversation_id: Any) -> Conversation:
        """By id only: Slack's methods take no names and, but for posting, no user ids."""
        found = (
            self.workspace.conversations.get(conversation_id) if isinstance(conversation_id, str) else None
        )
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def respond_url(self, *, user: str, conversation: str, message_ts: str | None) -> str:
        secret = self.response_urls.issue(user=user, conversation=conversation, message_ts=message_ts)
        return f"{self.settings.base_url()}/respond/{secret}"
