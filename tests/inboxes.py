"""What carries an ``InboxSpec``, changed in whatever part of it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from bot.domain.channel import InboxSpec
from bot.domain.request import RequestedChange
from bot.domain.ticket import Ticket
from bot.domain.view_models import AuthorizationStart

It = TypeVar("It", Ticket, RequestedChange, AuthorizationStart)
_OF_INBOX = frozenset(field.name for field in fields(InboxSpec))


def with_changes(it: It, **changes: Any) -> It:
    """``it`` with these fields; those of its inbox by their own names."""
    inner = {name: value for name, value in changes.items() if name in _OF_INBOX}
    outer = {name: value for name, value in changes.items() if name not in _OF_INBOX}
    inbox = replace(outer.pop("inbox", it.inbox), **inner)
    return replace(it, inbox=inbox, **outer)
