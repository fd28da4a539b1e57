"""What operators use mailboxes for: what is asked on whose behalf, and what is missing."""

from __future__ import annotations

from bot.domain.features import Feature, Features, Wording
from bot.domain.grant import Granted

READ, SEND = "https://www.googleapis.com/auth/gmail.readonly", "https://www.googleapis.com/auth/gmail.send"


def a_feature(key: str, *google: str, is_on: bool = True, **scopes: frozenset[str]) -> Feature:
    named = Wording(key.upper())
    return Feature(key, named, Wording("to try it"), {"google": frozenset(google), **scopes}, is_on)


CRM = a_feature("crm", READ, microsoft=frozenset({"Mail.Read"}))
DESK = a_feature("desk", READ, SEND)
OFF = a_feature("off", "https://mail.google.com/", is_on=False)
ALL = Features((CRM, DESK, OFF))


def test_one_consent_covers_all_that_are_switched_on() -> None:
    """What several need is asked once, what is switched off not at all."""
    assert ALL.scopes_at("google") == {READ, SEND}
    assert ALL.scopes_at("microsoft") == {"Mail.Read"}
    assert ALL.scopes_at("imap") == frozenset()
    assert Features().scopes_at("google") == frozenset()


def test_a_feature_counts_only_where_it_needs_something() -> None:
    """Of a provider that it needs nothing of, it can lack nothing."""
    assert ALL.at("google") == (CRM, DESK)
    assert ALL.at("microsoft") == (CRM,)
    assert ALL.lacking("imap", Granted(frozenset())) == ()


def test_lacking_is_what_was_not_granted() -> None:
    """A feature with only part of its permissions lacks, too; more than it needs does no harm."""
    assert ALL.lacking("google", Granted(frozenset())) == (CRM, DESK)
    assert ALL.lacking("google", Granted(frozenset({READ}))) == (DESK,)
    assert ALL.lacking("google", Granted(frozenset({READ, SEND, "more"}))) == ()
    assert ALL.needing("google", frozenset({SEND})) == (DESK,)


def test_a_shared_mailbox_is_asked_for_what_is_its_own() -> None:
    """Whoever opens it with their own account is not asked for their own mail."""
    both = a_feature(
        "both", microsoft=frozenset({"Mail.Read"}), microsoft_shared=frozenset({"Mail.Read.Shared"})
    )
    features = Features((both, CRM))
    assert features.scopes_at("microsoft", is_shared=True) == {"Mail.Read.Shared"}
    assert features.at("microsoft", is_shared=True) == (both,)
    granted = Granted(frozenset({"Mail.Read"}), is_shared=True)
    assert features.lacking("microsoft", granted) == (both,)


def test_words_fall_back_to_english() -> None:
    """Whoever has no language of their own in the file reads English."""
    both = Wording("Replies", "返信")
    assert (both.for_("ja"), both.for_("en"), both.for_("fr")) == ("返信", "Replies", "Replies")
    assert Wording("Replies").for_("ja") == "Replies"


def test_a_permission_knows_its_features() -> None:
    """Whichever provider it is of."""
    assert CRM.needs("Mail.Read") and CRM.needs(READ)
    assert not CRM.needs(SEND)
