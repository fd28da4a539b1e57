"""What the doctor says of permissions: who is asked for what, before anybody is."""

from __future__ import annotations

from bot.config import load
from bot.doctor import permissions
from tests.test_config import ENOUGH, FEATURES

GOOGLE = {"GOOGLE_CLIENT_ID": "1.apps.googleusercontent.com", "GOOGLE_CLIENT_SECRET": "GOCSPX-x"}


def said(**given: str) -> dict[str, tuple[str, str]]:
    """By what it is about: what was found, and what to do."""
    settings = load({f"INBOXKEEPER_{name}": value for name, value in (ENOUGH | given).items()}, None)
    found = permissions(settings)
    assert all(finding.is_good for finding in found)
    return {finding.what: (finding.said, finding.next_step) for finding in found}


def test_each_feature_stands_with_its_scopes() -> None:
    """What is asked always, what for whom, what is off; and where the operator must name it, too."""
    found = said(**GOOGLE, FEATURES_FILE=str(FEATURES))
    asked, step = found["Permissions at Gmail"]
    auth = "https://www.googleapis.com/auth/gmail"
    assert asked == f"keeping it connected: {auth}.labels; crm: {auth}.readonly"
    assert "Data access" in step
    assert found["Features"] == ("switched off: replies", "")
    assert found["Permissions at IMAP"] == (
        "none are asked for: a password opens the whole mailbox",
        "",
    )


def test_without_features_there_is_nothing_to_do() -> None:
    """The least is what the documents say already."""
    found = said(**GOOGLE, IMAP="false")
    assert list(found) == ["Permissions at Gmail"]
    assert found["Permissions at Gmail"][1] == ""


def test_a_provider_that_is_off_is_not_asked() -> None:
    """No client, no consent."""
    assert list(said()) == ["Permissions at IMAP"]
