"""What every handler is given and what it answers with: services and an interaction in, a response out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.domain.access import Actor
from bot.services import Services
from bot.views.blocks import without_charts
from bot.views.i18n import Language, language_for
from handlers.drawn import Drawn, Key
from handlers.home import Home
from handlers.slack_request import SlackRequest

View = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer in up to three dresses. A surface takes the one it can show."""

    message: Message | None = None
    modal: View | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with a form's fields, by block id."""
    replaces: bool = False
    """The message that was clicked is out of date and may be replaced, if only this person sees it."""
    then: Callable[[str], Awaitable[None]] | None = None
    """Told the id of the modal once it is shown."""

    @property
    def is_silent(self) -> bool:
        return self.message is None and self.modal is None and not self.errors


SILENT: Final = Response()


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request, in the language of whoever asked."""

    request: SlackRequest
    lang: Language


Work = Callable[[Interaction], Awaitable[Response]]
"""A handler with its services bound."""


def as_modal(message: Message) -> View:
    """The same words where only a modal can be shown."""
    title = {"type": "plain_text", "text": "Inboxkeeper"}
    return {"type": "modal", "title": title, "blocks": without_charts(message)["blocks"]}


def noted(shown: dict[str, Any], *texts: str) -> dict[str, Any]:
    """The view or message with a remark on top."""
    remark = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(filter(None, texts))}}
    return {**shown, "blocks": [remark, *shown["blocks"]]}


@dataclass(frozen=True)
class Context:
    """What every handler works with."""

    services: Services
    home: Home
    clock: Callable[[], datetime]
    command: str
    drawn: Drawn[Response]

    async def actor(self, interaction: Interaction, *, fresh: bool = False) -> Actor:
        """Whoever asks. ``fresh`` re-reads their rights from Slack, as every operation must."""
        return await self.services.people.member(
            interaction.request.workspace_id, interaction.request.user_id, fresh=fresh
        )


Handler = Callable[[Context, Interaction], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class KeptHandler:
    """A handler whose answer is shown again for as long as nothing has changed."""

    what: str
    draw: Handler

    async def __call__(self, context: Context, interaction: Interaction) -> Response:
        return await context.drawn.of(self._key(interaction), lambda: self.draw(context, interaction))

    def at_once(self, context: Context, request: SlackRequest) -> Response | None:
        """The answer where nothing need be waited for: neither who asks, nor whether anything has changed."""
        locale = context.services.people.locale_at_once(request.workspace_id, request.user_id)
        if locale is None or (mark := context.services.channels.mark_at_once()) is None:
            return None
        return context.drawn.kept(self._key(Interaction(request, language_for(locale))), mark)

    def _key(self, interaction: Interaction) -> Key:
        request = interaction.request
        return self.what, request.workspace_id, request.user_id, interaction.lang.code


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, and whether its answer is most likely a modal."""

    handler: Handler
    opens: bool = False


async def is_first(context: Context, interaction: Interaction) -> bool:
    """Whether this very request was not seen before. Slack delivers again what it believes lost."""
    key = interaction.request.key
    return not key or await context.services.workspaces.first_time(f"{interaction.request.form.value}:{key}")
