"""What a handler answers with: data for whichever surface the person stands on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.views.language import Language
from handlers.payload import Asked

View = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
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


SILENT: Final = Reply()


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, in the language of whoever asked."""

    asked: Asked
    lang: Language


Work = Callable[[Turn], Awaitable[Reply]]
"""A handler with its services bound."""


def as_modal(message: Message) -> View:
    """The same words where only a modal can be shown."""
    title = {"type": "plain_text", "text": "Inboxkeeper"}
    return {"type": "modal", "title": title, "blocks": message["blocks"]}


def noted(shown: dict[str, Any], *texts: str) -> dict[str, Any]:
    """The view or message with a remark on top."""
    remark = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(filter(None, texts))}}
    return {**shown, "blocks": [remark, *shown["blocks"]]}
