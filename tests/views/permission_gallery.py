"""What is asked for, granted and missing, drawn once per case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.domain.access import Operation
from bot.domain.channel import Channel, State
from bot.domain.features import Feature
from bot.domain.notice import NoticeKind
from bot.domain.ticket import OutcomeKind, Purpose
from bot.domain.view_models import MOST_COUNTED, ChannelPermissions, ChannelRow, PermissionsOverview
from bot.notifier import rendered
from bot.views import modals
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from bot.views.permissions import channel_permissions_message, permissions_message
from bot.views.status import status_message
from tests.views.samples import (
    ALL,
    NOW,
    SCOPES,
    a_channel,
    a_feature,
    a_picture,
    a_row,
    a_start,
    a_status,
    an_ask,
    an_outcome,
    an_overview,
    many_features,
    many_rows,
)

Drawn = Iterator[tuple[str, dict[str, Any]]]


def permissions(lang: Language, text: str = "") -> Drawn:
    """Everything, about features whose names and reasons are ``text``."""
    for count in (0, 1, 10):  # a file may define no more
        features = many_features(count, text) if count != 1 else (a_feature(),)
        yield from asked(lang, features, f"{count} features")
        yield from lacked(lang, features, f"{count} features")


def asked(lang: Language, features: tuple[Feature, ...], case: str) -> Drawn:
    """Before the click, and afterwards."""
    ask = an_ask(features, asking_nothing=features[:3])
    for state in State:
        row = a_row(a_channel(state=state), lacking=features)
        for granted in (
            frozenset(),
            SCOPES,
            ask.scopes | SCOPES,
            frozenset({"https://www.googleapis.com/auth/x"}),
        ):
            shown = ChannelPermissions(row, ask, granted, NOW if granted else None)
            yield f"permissions {state} {len(granted)} {case}", channel_permissions_message(lang, shown)
    by_password = an_ask(scopes=frozenset(), provider_label="imap.example.com", asking_nothing=features)
    whole = ChannelPermissions(a_row(), by_password, frozenset(), NOW)
    yield f"permissions by password {case}", channel_permissions_message(lang, whole)
    for number, rows in (("none", 0), ("one", 1), ("five hundred", 500)):
        lacking = tuple(replace(row, lacking=features) for row in many_rows(rows))
        for complete in (0, 3, MOST_COUNTED + 1):
            overview = PermissionsOverview((ask, by_password), lacking, complete, rows)
            yield f"permissions of {number} {complete} {case}", permissions_message(lang, overview)
    yield (
        f"consent {case}",
        modals.consent_modal(lang, a_start(scopes=ask.scopes, features=features, purpose=Purpose.RECONNECT)),
    )


def lacked(lang: Language, features: tuple[Feature, ...], case: str) -> Drawn:
    """Where it is said that a mailbox works and some feature does not."""
    for ending in (OutcomeKind.CONNECTED, OutcomeKind.STILL_DISABLED):
        outcome = modals.outcome_modal(lang, an_outcome(ending), provider_label="Gmail", lacking=features)
        yield f"outcome {ending} lacking {case}", outcome
        model = a_picture(NoticeKind.CONNECTED, notice={"subject": ending}, lacking=features)
        yield f"connected {ending} lacking {case}", rendered(replace(model, locale=lang.code))
    for row in rows_lacking(features):
        status = a_status(row, features=features, scopes=SCOPES | an_ask(features).scopes)
        yield (
            f"status lacking {case} {row.channel.state} {len(row.may)}",
            status_message(lang, status, now=NOW),
        )
    for number, count in (("one", 1), ("twelve", 12), ("five hundred", 500)):
        overview = an_overview(team=tuple(replace(row, lacking=features) for row in many_rows(count)))
        yield f"home of {number} lacking {case}", home(lang, overview)
        yield f"list of {number} lacking {case}", overview_message(lang, overview, now=NOW)


def rows_lacking(features: tuple[Feature, ...]) -> Iterator[ChannelRow]:
    for state in State:
        channel: Channel = a_channel(state=state)
        for may in (ALL, frozenset({Operation.SEE})):
            yield a_row(channel, lacking=features, may=may)
