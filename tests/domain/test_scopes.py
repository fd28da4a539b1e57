"""Permissions are the same however they are written, and a wider one covers a narrower one."""

from __future__ import annotations

import pytest

from bot.domain.grant import covers, lacking

GRAPH, GOOGLE = "https://graph.microsoft.com/", "https://www.googleapis.com/auth/"


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("mail.readbasic", "Mail.ReadBasic"),
        (f"{GRAPH}Mail.Read", "Mail.Read"),
        (f"{GRAPH.upper()}/mail.read", "Mail.Read"),
        ("00000003-0000-0000-c000-000000000000/Mail.Read", "Mail.Read"),
        ("Mail.Read", "Mail.ReadBasic"),
        ("Mail.ReadWrite", "mail.readbasic"),
        ("Mail.ReadBasic.Shared", "Mail.ReadBasic"),
        ("Mail.ReadWrite.Shared", "Mail.ReadBasic.Shared"),
        ("Mail.Send.Shared", "Mail.Send"),
        ("User.ReadWrite", "User.Read"),
        ("User.Read.All", "User.ReadBasic.All"),
        ("Directory.Read.All", "User.ReadBasic.All"),
        ("Calendars.ReadWrite", "Calendars.Read"),
        (f"{GOOGLE}gmail.labels", "gmail.labels"),
        (f"{GOOGLE}gmail.modify", f"{GOOGLE}gmail.labels"),
        ("https://mail.google.com/", f"{GOOGLE}gmail.labels"),
        ("https://mail.google.com", f"{GOOGLE}gmail.send"),
        ("email", f"{GOOGLE}userinfo.email"),
        (f"{GOOGLE}userinfo.email", "email"),
    ],
)
def test_a_permission_covers_what_is_within_it(wide: str, narrow: str) -> None:
    """Case, the resource's address and short names make no difference; more allows less."""
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("had", "wanted"),
    [
        ("Mail.ReadBasic", "Mail.Read"),
        ("Mail.Read", "Mail.ReadBasic.Shared"),
        ("Mail.ReadWrite", "Mail.Send"),
        ("Mail.Read", "Calendars.Read"),
        ("User.ReadBasic.All", "User.Read"),
        ("User.Read", "User.ReadBasic.All"),
        ("Directory.Read.All", "Mail.Read"),
        ("MailboxSettings.Read", "Mail.Read"),
        ("https://outlook.office.com/Mail.Read", "Mail.Read"),
        (f"{GOOGLE}gmail.readonly", f"{GOOGLE}gmail.labels"),
        (f"{GOOGLE}gmail.labels", f"{GOOGLE}gmail.modify"),
        (f"{GOOGLE}gmail.modify", "https://mail.google.com/"),
        ("https://mail.google.com/", f"{GOOGLE}gmail.settings.basic"),
        ("openid", "Mail.ReadBasic"),
        ("", "Mail.ReadBasic"),
    ],
)
def test_nothing_covers_more_than_it_allows(had: str, wanted: str) -> None:
    """Less does not allow more, nor one thing another."""
    assert not covers(had, wanted)


def test_what_is_lacking_is_named_as_it_was_wanted() -> None:
    """So that its words are found."""
    granted = frozenset({"user.read", f"{GRAPH}Mail.ReadWrite"})
    assert lacking({"User.Read", "Mail.ReadBasic", "Mail.Send"}, granted) == {"Mail.Send"}
