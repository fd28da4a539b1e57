"""Webhooks of programs as dialogs: the list, the form, the signing secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.ids import ChannelId, WebhookId, WorkspaceId
from bot.domain.view_models import WebhookRow
from bot.domain.webhook import OffReason, Webhook, WebhookFault, WebhookRefused
from bot.views import modals
from bot.views.blocks import escape
from bot.views.i18n import Language
from tests.views.samples import NOW, a_team_channel

Drawn = Iterator[tuple[str, dict[str, Any]]]
_SECRET = f"whsec_{'x' * 44}"
_WORDS = (
    *("200", "500", "timeout", "no_connection", "certificate", "not_http", "host_refused", "unknown_host"),
    *("not_a_host_name", "not_a_full_name", "not_a_public_host", "port_not_allowed", "not_encrypted"),
)


def a_webhook(name: str = "Help desk", **changes: Any) -> Webhook:
    webhook = Webhook(
        WebhookId("wh_0123456789ab"),
        WorkspaceId("T1"),
        name,
        "desk.example.com",
        is_for_team=False,
        channels=frozenset({ChannelId("c1")}),
        created_by="U0ALICE",
        created_at=NOW,
        proven_at=NOW,
        succeeded_at=NOW,
        last_answer="200",
    )
    return replace(webhook, **changes)


def webhooks(lang: Language, text: str) -> Drawn:
    """With names that people may have typed."""
    named = (a_team_channel(address="support@example.com"),)
    ill = {"failing_since": NOW, "failures": 3, "last_answer": "timeout"}
    off = a_webhook("Off", off_at=NOW, off_reason=OffReason.FAILING, **ill)
    rows = (
        WebhookRow(a_webhook(text, host=text), named),
        WebhookRow(a_webhook("New", proven_at=None, succeeded_at=None, last_answer=""), named * 9),
        WebhookRow(a_webhook("Failing", **ill, is_for_team=True, created_by="operator"), (), 1),
        WebhookRow(off, (), 12_000),
        WebhookRow(replace(off, name="Gone", off_reason=OffReason.GONE, last_answer="410"), named),
    )
    yield "webhooks", modals.webhooks_modal(lang, rows)
    yield "webhooks of nobody", modals.webhooks_modal(lang, ())
    many = tuple(WebhookRow(a_webhook(f"{text} {n}", **ill), named * 9, n) for n in range(60))
    for start in (0, 20, 40):
        remark = modals.webhook_revoked_remark(lang, a_webhook(text))
        yield f"sixty webhooks from {start}", modals.webhooks_modal(lang, many, start=start, remark=remark)
    remarks = (
        modals.webhook_gone_remark(lang),
        modals.webhook_rotated_remark(lang),
        modals.webhook_edited_remark(lang),
        *_edited(lang, a_webhook(text), off),
        modals.webhook_lost_remark(lang),
        modals.untested_remark(lang),
        modals.webhook_fault(lang, WebhookRefused(WebhookFault.MADE))[1],
        *(_tested(lang, it, word) for word in _WORDS for it in (a_webhook(text), off, rows[1].webhook)),
    )
    for number, remark in enumerate(remarks):
        yield f"webhooks with remark {number}", modals.webhooks_modal(lang, rows[:1], remark=remark)
    form = modals.webhook_modal(lang, "f0")
    yield "new webhook", form
    yield from _edit_forms(lang, text, rows)
    for fault in sorted(set(WebhookFault) - {WebhookFault.MADE, WebhookFault.NOT_TAKEN}):
        for what in ("", text):
            words = modals.webhook_fault(lang, WebhookRefused(fault, what))[1]
            again = modals.form_again(lang, form, escape(words))
            assert again is not None
            yield f"new webhook {fault} {bool(what)}", again
    made = modals.secret_modal(lang, rows[1].webhook, _SECRET, _tested(lang, rows[1].webhook, "401"))
    yield "webhook made", made
    rotated = modals.secret_modal(lang, a_webhook(text), _SECRET, modals.rotated_remark(lang))
    yield "webhook rotated", rotated


def _edited(lang: Language, it: Webhook, off: Webhook) -> Iterator[str]:
    yield modals.edited_remark(lang, it, it, is_moved=False)
    for before in (it, off):
        for is_moved in (False, True):
            yield modals.edited_remark(lang, before, replace(before, host="b.example"), is_moved=is_moved)


def _edit_forms(lang: Language, text: str, rows: Sequence[WebhookRow]) -> Drawn:
    """Filled with what stands; what a new address answered; more inboxes than a form can show."""
    for row in rows:
        yield f"edit webhook {row.webhook.name}", modals.edit_webhook_modal(lang, row)
    for number in (100, 101):
        named = tuple(a_team_channel(id=f"c{n}", address=f"team{n}@example.com") for n in range(number))
        yield f"edit webhook of {number}", modals.edit_webhook_modal(lang, WebhookRow(a_webhook(text), named))
    form = modals.edit_webhook_modal(lang, rows[0])
    for word in _WORDS[1:]:
        words = modals.webhook_fault(lang, WebhookRefused(WebhookFault.NOT_TAKEN, word))[1]
        again = modals.form_again(lang, form, escape(words))
        assert again is not None
        yield f"edit webhook not taken {word}", again


def _tested(lang: Language, webhook: Webhook, word: str) -> str:
    return modals.tested_remark(lang, webhook, word, is_taken=word == "200")
