"""Keys of programs as dialogs: the list, the form, the key itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.api_key import OPERATOR, ApiKey, KeyFault, KeyRefused, OwnerAnswer, OwnerAsked, network_of
from bot.domain.channel import Channel
from bot.domain.features import Feature, Wording
from bot.domain.ids import ApiKeyId, ChannelId, WorkspaceId
from bot.domain.view_models import KeyRow, KeysShown
from bot.views import modals
from bot.views.blocks import View, escape
from bot.views.i18n import Language
from bot.views.status import status_message
from tests.views.samples import NOW, a_channel, a_feature, a_row, a_status, a_team_channel

Drawn = Iterator[tuple[str, dict[str, Any]]]
SECRET = f"ik_abcd1234_{'x' * 49}"


def a_key(name: str = "Help desk", **changes: Any) -> ApiKey:
    key = ApiKey(
        ApiKeyId("abcd1234"),
        WorkspaceId("T1"),
        name,
        "",
        is_for_team=False,
        channels=frozenset(),
        features=frozenset({"crm"}),
        networks=(),
        created_by="U0ALICE",
        created_at=NOW,
        expires_at=NOW + timedelta(days=200),
    )
    return replace(key, **changes)


def keys(lang: Language, text: str) -> Drawn:
    """With names that people may have typed."""
    features: tuple[Feature, ...] = (a_feature(),)
    named: tuple[Channel, ...] = (a_team_channel(address="support@example.com"),)
    rows = (
        KeyRow(a_key(text), named),
        KeyRow(a_key("Zendesk", last_used_at=NOW, last_used_from="203.0.113.7"), named * 9),
        KeyRow(a_key("Reports", is_for_team=True, created_by=OPERATOR), ()),
        KeyRow(a_key("Gone", networks=(network_of("10.20.0.0/16"),) * 8, features=frozenset({"old"})), ()),
        KeyRow(a_key("Off", features=frozenset({"off"})), named),
    )
    features = (*features, replace(a_feature(), key="off", is_on=False))
    yield "keys", modals.keys_modal(lang, KeysShown(rows, 0, features))
    mine = a_channel(address=text)
    asking = tuple(a_key(text, channels=frozenset({mine.id}), asked=_asked(mine, it)) for it in OwnerAnswer)
    theirs = tuple(KeyRow(it, (mine, *named)) for it in asking)
    yield "keys at a personal inbox", modals.keys_modal(lang, KeysShown(theirs, 0, features))
    for it in asking:
        made = modals.key_made_modal(lang, it, SECRET, base_url="https://bot.example.com")
        yield f"key made that waits for its owner {it.asked[mine.id].answer}", made
    status = a_status(a_row(mine), keys=asking)
    yield "status with keys", status_message(lang, status, now=NOW)
    crowd = a_status(a_row(mine), keys=asking * 4)
    yield "status with many keys", status_message(lang, crowd, now=NOW)
    yield "keys of nobody", modals.keys_modal(lang, KeysShown((), 0, features))
    yield "keys that are over", modals.keys_modal(lang, KeysShown((), 3, features))
    yield "keys without a use", modals.keys_modal(lang, KeysShown((), 0, ()))
    uses = tuple(replace(a_feature(), key=f"u{n}", name=Wording(text, text)) for n in range(30))
    broad = a_key(text, features=frozenset(it.key for it in uses), networks=(network_of("10.0.0.0/8"),) * 8)
    yield "key for very much", modals.keys_modal(lang, KeysShown((KeyRow(broad, (mine,) * 100),), 0, uses))
    many = KeysShown(tuple(KeyRow(a_key(f"{text} {n}"), named * 9) for n in range(60)), 1, features)
    remark = modals.revoked_remark(lang, a_key(text))
    for start in (0, 20, 40):
        yield f"sixty keys from {start}", modals.keys_modal(lang, many, start=start, remark=remark)
    form = modals.key_modal(lang, features, "f0")
    yield "new key", form
    already = modals.key_fault(lang, KeyRefused(KeyFault.MADE))[1]
    yield "keys with one that was made already", modals.keys_modal(lang, many, remark=already)
    yield "new key without a use", modals.key_modal(lang, (), "f0")
    lots = tuple(replace(a_feature(), key=f"f{n}") for n in range(23))
    yield "new key with many uses", modals.key_modal(lang, lots, "f0")
    for fault in sorted(set(KeyFault) - {KeyFault.MADE}):
        for what in ("", text):
            yield f"new key {fault} {bool(what)}", _again(lang, form, KeyRefused(fault, what))
    yield "key made", modals.key_made_modal(lang, a_key(text), SECRET, base_url="https://bot.example.com/")


def _asked(channel: Channel, answer: OwnerAnswer) -> dict[ChannelId, OwnerAsked]:
    assert channel.owner_id is not None
    return {channel.id: OwnerAsked(channel.owner_id, answer)}


def _again(lang: Language, form: View, refused: KeyRefused) -> View:
    """As it stands there when the answer was late."""
    again = modals.form_again(lang, form, escape(modals.key_fault(lang, refused)[1]))
    assert again is not None
    return again
