"""The demo's tour: ticked off by what really happened."""

from __future__ import annotations

import pytest

from bot.domain.channel import Channel
from sandbox.demo import done_of
from tests.views.samples import a_channel, a_team_channel


@pytest.mark.parametrize(
    ("happened", "channels", "done"),
    [
        ((), (), set()),
        (("connect_proven",), (a_channel(),), {"connect"}),
        (("disable_asked",), (), set()),
        (("disable_asked", "enable_asked"), (), {"pause"}),
        (("refused", "refused_again"), (), set()),
        (("refused", "reconnect_proven"), (), {"mend"}),
        (("reconnect_proven",), (), set()),
        (("remove_asked", "restore_proven"), (), {"restore"}),
        ((), (a_team_channel(provider="microsoft"),), {"team", "microsoft"}),
        (("switch_proven",), (a_channel(provider="imap"),), {"switch", "imap"}),
    ],
)
def test_a_step_is_done_once_all_of_it_has_happened(
    happened: tuple[str, ...], channels: tuple[Channel, ...], done: set[str]
) -> None:
    """Half of it is not enough, and no step counts for another."""
    assert done_of(happened, channels) == done
