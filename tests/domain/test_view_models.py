"""What is true of a message may be logged by mistake: the ways in that it holds are not shown."""

from __future__ import annotations

from bot.domain.view_models import IncidentModel, Registration
from tests.storage.builders import a_channel, an_incident


def test_no_way_in_is_shown_by_repr() -> None:
    """Neither a reader's own link nor the one that an organisation's admin gets."""
    channel = a_channel()
    app = Registration("app", "https://login.example/adminconsent?state=secret-of-the-request")
    outage = IncidentModel(
        channel, an_incident(channel), "Gmail", "https://bot.example/l/secret-of-the-link", app
    )
    assert "secret-of" not in repr(outage)
