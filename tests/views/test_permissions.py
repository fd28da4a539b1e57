"""Permissions on screen: granted, missing, not needed any more; and the way to what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.channel import State
from bot.domain.view_models import ChannelPermissions, PermissionsOverview
from bot.views.buttons import RECONNECT
from bot.views.permissions import channel_permissions_message, permissions_message
from tests.views.samples import EN, GMAIL, NOW, SCOPES, a_channel, a_feature, a_row, an_ask
from tests.views.test_messages import buttons, texts

CRM = a_feature()
READ = f"{GMAIL}gmail.readonly"


def shown(granted: frozenset[str], **changes: Any) -> dict[str, Any]:
    lacking = () if READ in granted else (CRM,)
    row = a_row(**{"lacking": lacking, **changes})
    return channel_permissions_message(EN, ChannelPermissions(row, an_ask((CRM,)), granted, NOW))


def test_each_permission_is_marked() -> None:
    """What was granted, what is missing, each with its reason."""
    said = texts(shown(SCOPES))
    assert "✅ *See and edit the mailbox's labels*" in said
    assert "⚠️ *Read mail*\n      for CRM: to log what customers write" in said
    assert "CRM cannot use this inbox yet" in said


def test_what_reads_the_same_is_missing_if_any_of_it_is() -> None:
    """Two scopes in one line: the mark is that of the one that is not there."""
    row = a_row()
    ask = an_ask(scopes=frozenset({"email", "openid"}))
    said = texts(channel_permissions_message(EN, ChannelPermissions(row, ask, frozenset({"openid"}), NOW)))
    assert "⚠️ *See the account's e-mail address*" in said


def test_reconnect_is_offered_where_it_helps_and_is_allowed() -> None:
    """Not when nothing is missing, and not to somebody who may not."""
    assert RECONNECT in buttons(shown(SCOPES))
    assert RECONNECT not in buttons(shown(SCOPES | {READ}))
    assert RECONNECT not in buttons(shown(SCOPES, may=frozenset({Operation.SEE})))
    dead = a_channel(state=State.DISCONNECTED)
    assert RECONNECT in buttons(shown(SCOPES | {READ}, channel=dead))


def test_many_inboxes_are_listed_by_what_they_lack() -> None:
    """Those that lack nothing are counted."""
    view = permissions_message(EN, PermissionsOverview((an_ask((CRM,)),), (a_row(lacking=(CRM,)),), 3, 1))
    said = texts(view)
    assert "Google asks you to allow all of this at once:" in said
    assert "ann@example.com" in said and "Needs a reconnect for CRM" in said
    assert "3 inboxes have all that is asked for." in said
    assert RECONNECT in buttons(view)


@pytest.mark.parametrize("state", [State.CONNECTED, State.IMPAIRED, State.DISABLED])
def test_what_is_told_to_be_granted_by_reconnecting_comes_with_the_button(state: State) -> None:
    """Also where no feature suffers from it."""
    view = shown(SCOPES - {"openid"}, lacking=(), channel=a_channel(state=state))
    assert "Reconnect to grant it." in texts(view) and RECONNECT in buttons(view)
