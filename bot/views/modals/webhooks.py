"""Webhooks of programs: the list, the form, and the one time that a signing secret is shown.

The one rule: a receiver's whole address is never shown, since many hold a secret; and a signing secret stands
in one dialog, in no button's value and in no form's metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.ids import WebhookId
from bot.domain.view_models import WebhookRow
from bot.domain.webhook import OffReason, Webhook, WebhookFault, WebhookRefused
from bot.views.blocks import (
    LONGEST_BLOCK,
    Block,
    View,
    actions,
    bold,
    button,
    context,
    dialog,
    fitting,
    inert,
    instant,
    modal,
    section,
)
from bot.views.buttons import KEYS, WEBHOOKS
from bot.views.i18n import Language
from bot.views.messages.programs import receiver_answer
from bot.views.modals.inputs import NAME_BLOCK, begun, line_input
from bot.views.modals.keys import (
    ADDRESSES_BLOCK,
    MOST_CHOSEN,
    caretaker,
    inboxes_input,
    scope_input,
    some,
    turn,
)
from bot.views.text import shown

WEBHOOKS_TURN: Final = (f"{WEBHOOKS}.back", f"{WEBHOOKS}.on")
"""The same, beside each other."""
WEBHOOKS_NEW: Final = "webhooks.new"
WEBHOOKS_EDIT: Final = "webhooks.edit"
WEBHOOKS_TEST: Final = "webhooks.test"
WEBHOOKS_REVOKE: Final = "webhooks.revoke"
"""They carry the webhook's id."""
WEBHOOKS_ROTATE: Final = "webhooks.rotate"
"""Carries the id, and when it was rotated last, as it was drawn."""
WEBHOOKS_INBOXES: Final = "webhooks.inboxes"
"""A field that searches."""
WEBHOOKS_FORM: Final = "webhooks.form"
"""Carries what tells this form from others."""
WEBHOOKS_EDIT_FORM: Final = "webhooks.edit_form"
"""Carries the id, and when it was edited last, as it was drawn."""
URL_BLOCK: Final = "url"

WEBHOOKS_PAGE: Final = 20
_LONGEST_URL: Final = 2_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def webhooks_modal(lang: Language, rows: Sequence[WebhookRow], *, start: int = 0, remark: str = "") -> View:
    """Some at a time; where nothing is left there, from the beginning."""
    start = start if 0 < start < len(rows) else 0
    page = rows[start : start + WEBHOOKS_PAGE]
    intro = lang.say(
        "Through a webhook, a program is told when a team address disconnects, works again, or is changed."
    )
    blocks = [
        *([section(remark)] if remark else []),
        section(intro),
        *actions(
            button(lang.say("Add a webhook"), WEBHOOKS_NEW, style="primary"),
            button(lang.say("Program keys"), KEYS, value="0"),
        ),
        *(block for row in page for block in _row(lang, row)),
        *([] if rows else [section(lang.say("There are no webhooks yet."))]),
        *turn(
            lang,
            newer=(lang.say("Newer webhooks"), WEBHOOKS_TURN[0]),
            older=(lang.say("Older webhooks"), WEBHOOKS_TURN[1]),
            start=start,
            number=len(rows),
            page=WEBHOOKS_PAGE,
        ),
    ]
    return modal(lang.say("Webhooks"), blocks, close=lang.say("Close"))


def _row(lang: Language, row: WebhookRow) -> list[Block]:
    it = row.webhook
    lines = [
        f"{bold(inert(it.name, 60))} `{it.id}`",
        lang.say("Receiver: {host}", host=f"`{inert(it.host, 60)}`"),
        _state(lang, it),
        _last(lang, it),
        lang.say("Inboxes: {inboxes}", inboxes=_inboxes(lang, row)),
        lang.say("Made by {who}", who=caretaker(lang, it.created_by)),
    ]
    if row.waiting:
        lines.insert(
            4, lang.count("{n} event waits to be taken.", "{n} events wait to be taken.", row.waiting)
        )
    return [section("\n".join(fitting(lines, LONGEST_BLOCK))), *actions(*_buttons(lang, it))]


def _state(lang: Language, it: Webhook) -> str:
    if it.off_at is not None:
        why = (
            lang.say("The receiver answered that it is gone for good (410).")
            if it.off_reason is OffReason.GONE
            else lang.say("It took nothing for three days.")
        )
        return "🔴 " + lang.together(lang.say("Switched off {when}.", when=instant(lang, it.off_at)), why)
    if it.proven_at is None:
        return "⏳ " + lang.say("Nothing is sent yet: the receiver has not taken a test.")
    if it.failing_since is not None:
        return "🟡 " + lang.say(
            "Has taken nothing since {when}. It is tried again.", when=instant(lang, it.failing_since)
        )
    return "🟢 " + lang.say("Works")


def _last(lang: Language, it: Webhook) -> str:
    took = (
        lang.say("Last taken {when}", when=instant(lang, it.succeeded_at))
        if it.succeeded_at
        else lang.say("Nothing taken yet")
    )
    is_ill = it.failing_since is not None or it.off_at is not None
    return f"{took} · {receiver_answer(lang, it.last_answer)}" if is_ill and it.last_answer else took


def _inboxes(lang: Language, row: WebhookRow) -> str:
    if row.webhook.is_for_team:
        return lang.say("all team addresses")
    if not row.named:
        return lang.say("no inbox any more")
    return some(lang, [inert(it.address) for it in row.named])


def _buttons(lang: Language, it: Webhook) -> list[Block]:
    name = shown(it.name, 60)
    again = lang.say("Switch on again") if it.off_at is not None else lang.say("Send a test")
    rotate = button(lang.say("New secret"), WEBHOOKS_ROTATE, value=rotation_value(it), about=it.name)
    revoke = button(lang.say("Remove webhook"), WEBHOOKS_REVOKE, value=it.id, style="danger", about=it.name)
    rotates = dialog(
        lang.say("Make a new signing secret?"),
        lang.say(
            "Put it into {name} within 24 hours: until then everything is signed with the present secret, "
            "too. One from before that no longer counts.",
            name=name,
        ),
        yes=lang.say("New secret"),
        no=lang.say("Cancel"),
    )
    asks = dialog(
        lang.say("Remove this webhook?"),
        lang.say("{name} is told nothing any more, and its signing secret is void.", name=name),
        yes=lang.say("Remove webhook"),
        no=lang.say("Cancel"),
    )
    return [
        button(again, WEBHOOKS_TEST, value=it.id, about=it.name),
        button(lang.say("Edit"), WEBHOOKS_EDIT, value=it.id, about=it.name),
        {**rotate, "confirm": {key: rotates[key] for key in rotates if key != "style"}},
        {**revoke, "confirm": asks},
    ]


def rotation_value(it: Webhook) -> str:
    """What the button carries: a second press of it makes no second secret."""
    return _stamped(it.id, it.rotated_at)


def _stamped(webhook_id: WebhookId, at: datetime | None) -> str:
    stamp = (at - _EPOCH) // timedelta(microseconds=1) if at else 0
    return f"{webhook_id}:{stamp}"


def parse_stamped(value: str) -> tuple[WebhookId, datetime | None]:
    """Which, and when that had been done to it last which must not be done twice. Whatever else stands there
    names none."""
    webhook_id, _, stamp = value.rpartition(":")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 17):
        return WebhookId(""), None
    at = _EPOCH + timedelta(microseconds=int(stamp)) if int(stamp) else None
    return WebhookId(webhook_id), at


# --- the form


def webhook_modal(lang: Language, form_id: str) -> View:
    """Where a program is told, and of what. ``form_id`` tells this form from others, so that it makes one
    webhook."""
    hint = lang.say("The receiver's whole address. It is kept sealed, and never shown again.")
    blocks = [_name_input(lang), _url_input(lang, hint), *_inboxes_inputs(lang)]
    return modal(
        lang.say("Add a webhook"),
        blocks,
        submit=lang.say("Add"),
        close=lang.say("Cancel"),
        callback=WEBHOOKS_FORM,
        metadata=form_id,
    )


def edit_webhook_modal(lang: Language, row: WebhookRow) -> View:
    """Begins with what stands, but for the address: it is never shown, and stays unless another is typed."""
    it = row.webhook
    stays = lang.say("Empty: it stays as it is, at {host}.", host=shown(it.host, 60))
    tried = lang.say("A new address is sent a test first; until it takes one, the present one is told.")
    blocks = [
        begun(_name_input(lang), it.name),
        _url_input(lang, lang.together(stays, tried), optional=True),
        context("🔑 " + _secret_stays(lang)),
        *([context("🔴 " + _stays_off(lang))] if it.off_at is not None else []),
        *(_too_many(lang, row) if len(row.named) > MOST_CHOSEN else _inboxes_inputs(lang, row)),
    ]
    return modal(
        lang.say("Edit webhook"),
        blocks,
        submit=lang.say("Save"),
        close=lang.say("Cancel"),
        callback=WEBHOOKS_EDIT_FORM,
        metadata=_stamped(it.id, it.edited_at),
    )


def _name_input(lang: Language) -> Block:
    return line_input(NAME_BLOCK, lang.say("Which program is it for?"), lang.say("Help desk"), longest=60)


def _url_input(lang: Language, hint: str, *, optional: bool = False) -> Block:
    return line_input(
        URL_BLOCK,
        lang.say("Where is it told?"),
        "https://desk.example.com/hooks/inboxkeeper",
        longest=_LONGEST_URL,
        hint=hint,
        optional=optional,
    )


def _inboxes_inputs(lang: Language, row: WebhookRow | None = None) -> list[Block]:
    return [
        scope_input(
            lang,
            lang.say("Which inboxes is it told of?"),
            is_for_team=row is not None and row.webhook.is_for_team,
        ),
        inboxes_input(
            lang,
            WEBHOOKS_INBOXES,
            hint=lang.say("Only team addresses: owners of others were not asked."),
            chosen=row.named if row is not None else (),
        ),
    ]


def _too_many(lang: Language, row: WebhookRow) -> list[Block]:
    """What Slack could not show whole would be lost when the form is sent."""
    stays = lang.say(
        "It is for {number} inboxes, and stays so: a form cannot show as many.", number=len(row.named)
    )
    who = lang.say("Whoever runs Inboxkeeper can change that ({command}).", command="`webhook edit`")
    return [context(lang.together(stays, who))]


def _secret_stays(lang: Language) -> str:
    return lang.together(
        lang.say("The signing secret stays the same: a receiver at a new address needs it, too."),
        lang.say("If nobody has it any more, make a new one in the list first."),
    )


def _stays_off(lang: Language) -> str:
    return lang.say(
        "This webhook is switched off. Only a new address that takes the test switches it on from here."
    )


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def webhook_fault(lang: Language, refused: WebhookRefused) -> tuple[str, str]:
    """Beside which field it is said, and what, as plain text."""
    what = shown(refused.what, 60)
    match refused.fault:
        case WebhookFault.NAME:
            return NAME_BLOCK, lang.say("A name is one line of 1 to 60 characters.")
        case WebhookFault.URL:
            return URL_BLOCK, lang.say(
                "Write the address like {example}, without blanks.",
                example="https://desk.example.com/hooks/inboxkeeper",
            )
        case WebhookFault.NOTHING_NAMED if what:
            return ADDRESSES_BLOCK, lang.say(
                "You chose all team addresses and named some, too. Empty this field, or change the choice."
            )
        case WebhookFault.NOTHING_NAMED:
            return ADDRESSES_BLOCK, lang.say("Name an address, or choose all team addresses above.")
        case WebhookFault.UNKNOWN_ADDRESS:
            return ADDRESSES_BLOCK, lang.say(
                "{address} is not connected here. Connect it first, or correct it.", address=what
            )
        case WebhookFault.PERSONAL:
            return ADDRESSES_BLOCK, lang.say(
                "{address} is a personal inbox: programs are told of team addresses only.", address=what
            )
        case WebhookFault.MADE:
            return NAME_BLOCK, lang.say(
                "This webhook has been made already: it stands in the list. If you have not seen its secret, "
                "make a new one there."
            )
        case WebhookFault.NOT_TAKEN:
            return URL_BLOCK, _not_taken(lang, refused.what)


def _not_taken(lang: Language, answer: str) -> str:
    """As plain text. Only who answers at all may lack the secret."""
    said = lang.together(
        lang.say("The new address did not take the test, and nothing was changed."),
        receiver_answer(lang, answer).replace("`", ""),
    )
    if not answer.isdigit():
        return said
    return lang.together(said, lang.say("Does the receiver there have the signing secret?"))


def secret_modal(lang: Language, webhook: Webhook, secret: str, remark: str) -> View:
    """The only place where it is ever shown."""
    said = lang.say("The signing secret of the webhook {name}:", name=inert(webhook.name, 60))
    once = lang.say("Copy it into the receiver now: it is shown this once, and nobody can look it up later.")
    blocks = [
        section(f"🔑 {said}\n```{secret}```"),
        section(once),
        section(remark),
        *actions(
            button(lang.say("Send a test"), WEBHOOKS_TEST, value=webhook.id, about=webhook.name),
            button(lang.say("All webhooks"), WEBHOOKS, value="0"),
        ),
    ]
    return modal(lang.say("Signing secret"), blocks, close=lang.say("Close"))


def rotated_remark(lang: Language) -> str:
    """How long the former one counts."""
    return lang.say("For 24 hours everything is signed with the former secret, too.")


def untested_remark(lang: Language) -> str:
    """Our own trouble, or it was removed at that moment."""
    return "⚠️ " + lang.together(
        lang.say("The test could not be sent."), lang.say("Next: send one in a minute.")
    )


def tested_remark(lang: Language, webhook: Webhook, answer: str, *, is_taken: bool) -> str:
    """What came of a test of a webhook that was so before, and what is next."""
    if is_taken:
        taken = lang.say("The receiver took the test: it is told from now on.")
        missed = lang.say(
            "What it missed meanwhile is in the feed, for 30 days ({feed}).", feed="`GET /api/v1/events`"
        )
        return "✅ " + (lang.together(taken, missed) if webhook.off_at is not None else taken)
    said = lang.together(
        lang.say("The receiver of {name} did not take the test.", name=inert(webhook.name, 60)),
        receiver_answer(lang, answer),
    )
    if webhook.is_on:
        again = lang.say("Next: see to the receiver, then send another test.")
        return "⚠️ " + lang.together(said, again)
    waits = lang.say(
        "Nothing is sent before it takes one. Next: see to the receiver (does it have the secret?), then "
        "send a test."
    )
    return "⚠️ " + lang.together(said, waits)


def edited_remark(lang: Language, before: Webhook, after: Webhook, *, is_moved: bool) -> str:
    """What an edit did, and what it did not."""
    name = inert(after.name, 60)
    if before == after:
        return "⚪ " + lang.say("You changed nothing: the webhook {name} is as it was.", name=name)
    said = "✅ " + lang.say("The webhook {name} is changed.", name=name)
    if is_moved:
        moved = lang.say(
            "The receiver took the test: from now on it is told at {host}, with the same secret.",
            host=f"`{inert(after.host, 60)}`",
        )
        return lang.together(said, moved)
    if before.off_at is not None:
        return lang.together(said, lang.say("It is still switched off."))
    return said


def webhook_edited_remark(lang: Language) -> str:
    """Somebody was first."""
    return "⚪ " + lang.together(
        lang.say("Somebody else has changed this webhook meanwhile, and your changes were not saved."),
        lang.say("Next: look at how it is now, and edit it again."),
    )


def webhook_revoked_remark(lang: Language, webhook: Webhook) -> str:
    """What became of it, above the list."""
    return "✅ " + lang.say("The webhook {name} is removed.", name=inert(webhook.name, 60))


def webhook_gone_remark(lang: Language) -> str:
    """Somebody was first."""
    return "⚪ " + lang.say("This webhook was removed meanwhile. Nothing was done.")


def webhook_rotated_remark(lang: Language) -> str:
    """Somebody was first, or the button was pressed twice."""
    return "⚪ " + lang.say("This webhook was given a new secret meanwhile. Nothing was done.")


def webhook_lost_remark(lang: Language) -> str:
    """No key of ours opens it."""
    return "⚠️ " + lang.say(
        "This webhook cannot be read any more: {setting} do not open it. Next: remove it, and add it anew.",
        setting="`INBOXKEEPER_SECRET_KEYS`",
    )
