"""A secret shows itself to nobody who did not ask for it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from bot.domain.grant import Grant, MailboxIdentity, Secret
from bot.domain.ids import IncidentId, LinkId
from bot.domain.ticket import Link
from tests.storage.builders import ANA, NOW, WORKSPACE, a_channel, a_grant, a_ticket

VALUE = "1//0gSecretOfAlice"
SECRET = Secret(VALUE)


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        "%s %r" % (SECRET, SECRET),  # noqa: UP031  the old ways leak too
        "{} {!a}".format(SECRET, SECRET),  # noqa: UP032
        repr([SECRET]),
        repr({"token": SECRET}),
    ],
)
def test_no_way_of_printing_gives_it_away(shown: str) -> None:
    """Neither ``repr``, ``str`` nor formatting, alone or inside something."""
    assert VALUE not in shown


def test_a_grant_and_a_ticket_print_without_their_secrets() -> None:
    """What holds a secret may be logged by mistake."""
    ticket = a_ticket(verifier=SECRET, nonce="nonce-of-alice")
    link = Link(LinkId("l"), WORKSPACE, ANA, IncidentId("i"), a_channel().id, SECRET, NOW)
    printed = f"{a_grant(secret=SECRET)!r} {ticket!r} {ticket} {link!r}"
    assert VALUE not in printed
    assert "nonce-of-alice" not in printed
    assert "Secret(" not in printed


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    """A secret leaves the process in no file, alone or inside a grant."""
    for holder in (SECRET, [SECRET], a_grant(secret=SECRET)):
        with pytest.raises(TypeError) as refused:
            pickle.dumps(holder, protocol)
        assert VALUE not in str(refused.value)


def test_it_is_no_json() -> None:
    """Serialising one is an error that does not quote it."""
    with pytest.raises(TypeError) as refused:
        json.dumps({"token": SECRET})
    assert VALUE not in str(refused.value)


def test_copying_is_refused_without_quoting_it() -> None:
    """A copy would be made through pickling; secrets are passed on, never duplicated."""
    for copies in (lambda: copy.deepcopy(SECRET), lambda: asdict(a_grant(secret=SECRET))):
        with pytest.raises(TypeError) as refused:
            copies()
        assert VALUE not in str(refused.value)


def test_logs_and_tracebacks_do_not_quote_it(caplog: pytest.LogCaptureFixture) -> None:
    """An error raised around a secret is printed without it."""
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        logging.getLogger("bot").exception("failed with %s", SECRET)
        assert VALUE not in traceback.format_exc()
    assert VALUE not in caplog.text


def test_equal_secrets_are_equal_and_reveal_on_request() -> None:
    """A secret can be compared, used as a key, and asked for its value by name."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"): 1}[Secret("a")] == 1
    assert Secret("a").reveal() == "a"
    assert Secret("a")
    assert not Secret("")


def test_a_fingerprint_tells_secrets_apart_and_nothing_else() -> None:
    """Sixteen digits: the same for the same secret, another for another, and no part of it."""
    assert Secret("a").fingerprint == Secret("a").fingerprint != Secret("b").fingerprint
    assert len(SECRET.fingerprint) == 16
    assert SECRET.fingerprint not in VALUE


def test_an_identity_is_its_subject_whatever_the_domain_is_called() -> None:
    """A renamed organisation does not make it another mailbox; the address plays no part."""
    assert MailboxIdentity("google", "1", "old.example") == MailboxIdentity("google", "1", "new.example")
    assert MailboxIdentity("google", "1") != MailboxIdentity("google", "2")
    assert MailboxIdentity("google", "1") != MailboxIdentity("microsoft", "1")


def test_values_cannot_be_changed_behind_somebodys_back() -> None:
    """Grants, tickets and channels are replaced, never altered."""
    grant: Grant = a_grant()
    with pytest.raises(AttributeError):
        grant.address = "other@example.com"  # type: ignore[misc]
    assert replace(grant, obtained_at=NOW + timedelta(1)) != grant
