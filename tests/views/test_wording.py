"""Whatever can happen has words of its own, in every language, and says what to do next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain import errors
from bot.domain.channel import ADMIN_CAUSES, REFUSED_CAUSES, Cause, Channel, HistoryEntry, State
from bot.domain.features import Wording
from bot.domain.grant import Revocation
from bot.domain.lifecycle import Signal
from bot.domain.ticket import OutcomeKind
from bot.views.i18n import Language
from bot.views.replies import removal_blocks
from bot.views.wording import (
    cause_words,
    ending_words,
    manual_steps,
    operator_words,
    record_words,
    refusal_words,
    revocation_words,
    scope_lines,
    scope_words,
    state_words,
)
from bot.views.wording.approvals import approval_message
from tests.views.gallery import APP, REFUSALS
from tests.views.samples import (
    EN,
    JA,
    LANGUAGES,
    NOW,
    SCOPES,
    W,
    a_channel,
    a_feature,
    a_removal,
    an_outcome,
    removed_by_hand,
)

both = pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
GMAIL = "https://www.googleapis.com/auth/"


def leaves(root: type[errors.InboxkeeperError]) -> Iterator[type[errors.InboxkeeperError]]:
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from leaves(kind) or ()
            if not kind.__subclasses__():
                yield kind


@both
def test_every_state_has_a_mark_and_words(lang: Language) -> None:
    """Nobody has to tell states apart by colour alone, or by words alone."""
    said = [state_words(lang, a_channel(state=state)) for state in State]
    assert len(set(said)) == len(State)
    assert all(words[0] in "🟢🟡🔴⚪" and len(words) > 2 for words in said)


@both
def test_every_cause_has_words_of_its_own(lang: Language) -> None:
    """Two different reasons never read the same."""
    whys = {cause: cause_words(lang, cause, "Gmail").why for cause in Cause}
    assert len(set(whys.values())) == len(Cause)
    assert all(whys.values())


@both
def test_whoever_must_act_is_told_what_to_do(lang: Language) -> None:
    """Each refusal by the provider comes with a next step."""
    for cause in REFUSED_CAUSES | ADMIN_CAUSES:
        assert cause_words(lang, cause, "Gmail").next_step, cause


@both
def test_every_error_has_words_of_its_own(lang: Language) -> None:
    """A refusal says what is so, why, and the way on; no two kinds of error read the same."""
    told = {type(refusal): refusal_words(lang, refusal) for refusal in REFUSALS}
    wanted = {*leaves(errors.Refusal), *leaves(errors.ProviderError), errors.ProviderUnavailable}
    wanted -= {errors.UseWithheld}  # only programs meet it
    assert set(told) == wanted
    assert all(words.title and words.text for words in told.values())
    assert all(words.next_step for kind, words in told.items())
    alike = {errors.MailboxGone, errors.PermissionMissing, errors.AdminActionNeeded, errors.GrantRejected}
    texts = [words.text for kind, words in told.items() if kind not in alike]
    assert len(set(texts)) == len(texts)


@both
def test_an_unforeseen_refusal_still_gets_an_answer(lang: Language) -> None:
    """A new error without words is dull, not broken."""

    class Unforeseen(errors.Refusal):
        """Nobody has worded this."""

    words = refusal_words(lang, Unforeseen())
    assert words.title and words.text and words.next_step


@both
def test_every_ending_has_words_of_its_own(lang: Language) -> None:
    """The page after the sign-in never says something vague."""
    said = {ending: ending_words(lang, an_outcome(ending), "Gmail") for ending in OutcomeKind}
    assert len({words.text for words in said.values()}) == len(OutcomeKind)
    for ending, words in said.items():
        assert words.title
        assert words.next_step or ending.is_good


def test_the_wrong_mailbox_is_named_beside_the_right_one() -> None:
    """Both addresses, so that the mistake is plain."""
    for lang in LANGUAGES:
        text = ending_words(lang, an_outcome(OutcomeKind.WRONG_MAILBOX), "Gmail").text
        assert "ann@example.com" in text and "bob@example.com" in text


def test_an_unticked_box_is_named_in_words() -> None:
    """People see what Google showed them, not a scope."""
    words = ending_words(EN, an_outcome(OutcomeKind.PERMISSION_WITHHELD), "Gmail")
    assert words.text == "At Google this box was left unticked: “See and edit the mailbox's labels”."
    both_boxes = an_outcome(OutcomeKind.PERMISSION_WITHHELD, missing=SCOPES)
    assert "these boxes" in ending_words(EN, both_boxes, "Gmail").text
    assert "「メールボックスのラベルの表示と編集」" in ending_words(JA, both_boxes, "Gmail").text


def test_a_mailbox_that_did_not_answer_says_why_where_that_helps() -> None:
    """Right after a sign-in, "the password was changed" is no explanation."""
    known = ending_words(EN, an_outcome(OutcomeKind.NOT_PROVEN, code=Cause.ADMIN_POLICY), "Gmail")
    assert "admin does not allow" in known.text
    for code in ("", "grant_refused", "something_else"):
        vague = ending_words(EN, an_outcome(OutcomeKind.NOT_PROVEN, code=code), "Gmail")
        assert "password" not in vague.text
        assert vague.next_step


@both
def test_every_revocation_is_told_truthfully(lang: Language) -> None:
    """Six different things are known of a grant at the provider, and each reads differently."""
    said = {kind: revocation_words(lang, a_removal(kind, shared_here=1)) for kind in Revocation}
    assert len(set(said.values())) == len(Revocation)
    assert all("Google" in words for words in said.values())


def test_only_a_refused_refresh_counts_as_confirmed() -> None:
    """The word "confirmed" stands alone in exactly one case."""
    said = {kind: revocation_words(EN, a_removal(kind)) for kind in Revocation}
    assert [kind for kind, words in said.items() if words.startswith("Revoked at Google: confirmed")] == [
        Revocation.CONFIRMED
    ]


@pytest.mark.parametrize(
    ("here", "elsewhere", "said"),
    [
        (1, 0, "1 more inbox here is connected"),
        (2, 0, "2 more inboxes here are connected"),
        (0, 1, "1 inbox in another workspace is connected"),
        (0, 3, "3 inboxes in other workspaces are connected"),
        (2, 1, "2 inboxes here and 1 in other workspaces are connected"),
    ],
)
def test_other_workspaces_are_a_number_only(here: int, elsewhere: int, said: str) -> None:
    """Why nothing was revoked, without telling whose inboxes those are."""
    assert said in revocation_words(
        EN, a_removal(Revocation.SHARED, shared_here=here, shared_elsewhere=elsewhere)
    )


def test_manual_steps_follow_the_providers_own_menus() -> None:
    """In order, in the words on the provider's screens, with a link to the page."""
    steps, url = manual_steps(EN, "google")
    assert " › ".join(steps) == (
        "account settings › Security › third-party apps with account access › Manage third-party access › "
        "(this app) › Remove access"
    )
    assert url == "https://myaccount.google.com/connections"
    japanese, _ = manual_steps(JA, "google")
    assert " › ".join(japanese) == (
        "アカウント設定 › セキュリティ › アカウントにアクセスできるサードパーティーアプリ › "
        "サードパーティーによるアクセスを管理 › （このアプリ） › アクセス権を削除"
    )


@pytest.mark.parametrize("provider", ["google", "microsoft", "outlook", "imap", "Gmail", "never heard of"])
def test_every_provider_has_a_way_by_hand(provider: str) -> None:
    """By key or by label; for an unknown one the IT department."""
    for lang in LANGUAGES:
        assert manual_steps(lang, provider)[0]


@pytest.mark.parametrize(
    "scope",
    ["openid", f"{GMAIL}userinfo.email", f"{GMAIL}gmail.labels", f"{GMAIL}gmail.metadata", "odd.scope"],
)
def test_every_permission_says_what_and_why(scope: str) -> None:
    """Nobody should have to read a scope's name, unless we don't know it either."""
    for lang in LANGUAGES:
        what, why = scope_words(lang, scope)
        assert what and why
        assert GMAIL not in what


def test_a_features_permission_says_which_feature_and_why() -> None:
    """In the reader's language, as the operator wrote it; two features share a permission in one line."""
    read = f"{GMAIL}gmail.readonly"
    crm = a_feature()
    assert scope_words(EN, read, (crm,)) == ("Read mail", "for CRM: to log what customers write")
    assert scope_words(JA, read, (crm,))[1] == "機能「顧客管理」で使用：お客様からのメールを記録します"
    desk = a_feature("desk", name=Wording("Desk"), reason=Wording("to sort mail"))
    assert scope_words(EN, read, (crm, desk))[1] == (
        "for CRM: to log what customers write · for Desk: to sort mail"
    )


def test_a_permission_that_a_feature_shares_promises_no_more_than_is_true() -> None:
    """Labels are never changed by us; a feature that asks for the same may well change them."""
    labels = f"{GMAIL}gmail.labels"
    assert "labels are never changed" in scope_words(EN, labels, (a_feature(),))[1]
    sorter = a_feature("sort", labels, name=Wording("Sorter"), reason=Wording("to label mail"))
    assert scope_words(EN, labels, (sorter,))[1] == (
        "to check that the mailbox works · for Sorter: to label mail"
    )


def test_a_permission_that_nothing_needs_says_so() -> None:
    """What was granted for a feature that is switched off by now."""
    assert scope_words(EN, f"{GMAIL}gmail.send") == ("Send mail", "nothing that is switched on needs it")


def test_permissions_that_mean_the_same_are_said_once() -> None:
    """``openid`` and ``email`` are one line to people."""
    assert len(scope_lines(EN, SCOPES)) == 2


@both
def test_every_signal_reads_as_history(lang: Language) -> None:
    """A channel's history has no code names in it."""
    said = [record_words(lang, HistoryEntry(W, a_channel().id, NOW, signal)) for signal in Signal]
    assert all(said) and len(set(said)) == len(Signal)
    assert record_words(lang, HistoryEntry(W, a_channel().id, NOW, "something_internal")) == ""


def test_a_disabled_inbox_that_needs_reconnecting_says_so() -> None:
    """It stays disabled and nobody is paged, but it does not hide the fact."""
    channel: Channel = a_channel(state=State.DISABLED, cause=Cause.GRANT_REFUSED)
    assert state_words(EN, channel) == "⚪ Disabled, needs reconnecting"


def test_an_organisations_admin_reads_what_features_need_and_why() -> None:
    """With a feature that reads mail, nobody promises that mail is never read."""
    scopes = {"User.Read", "Mail.ReadBasic", "Mail.Read"}
    crm = a_feature(scopes={"microsoft": frozenset({"Mail.Read"})})
    plain = approval_message(EN, "Microsoft", "ann@acme.example", APP, scopes=scopes - {"Mail.Read"})
    assert any("It never reads mail." in line for line in plain)
    lines = approval_message(EN, "Microsoft", "ann@acme.example", APP, scopes=scopes, features=(crm,))
    assert not any("never reads" in line for line in lines)
    assert "• Read mail – for CRM: to log what customers write" in lines


def test_a_shared_mailbox_names_whose_account_must_take_it_back() -> None:
    """It has no owner who signs in: the steps come with the one person's address, and no link for others."""
    removal = removed_by_hand("microsoft", "Office 365", delegate="omar@acme.example")
    told = revocation_words(EN, removal)
    assert "Only somebody who signs in there as omar@acme.example can remove it" in told
    assert "mailbox's owner" not in told
    shown_blocks = str(removal_blocks(EN, removal))
    assert "App permissions" in shown_blocks
    assert "Open that page" not in shown_blocks
    theirs = removed_by_hand("microsoft", "Office 365", delegate="omar@acme.example", is_delegate=True)
    assert "Open that page" in str(removal_blocks(EN, theirs))
    own = removed_by_hand("microsoft", "Office 365")
    assert "mailbox's owner" in revocation_words(EN, own)
    assert "Open that page" in str(removal_blocks(EN, own))


def test_members_read_what_is_true_of_a_refused_client_and_of_a_lost_key() -> None:
    """Their inbox shows one cause for both, so nothing is said of what the provider does."""
    why = cause_words(EN, Cause.OURS_BROKEN, "Gmail")
    assert why.why == "Something is wrong with Inboxkeeper's own setup for Google."
    assert "has been told" in why.next_step
    assert "登録" not in cause_words(JA, Cause.OURS_BROKEN, "Gmail").why


@pytest.mark.parametrize("code", ["key_lost", "no_client"])
@pytest.mark.parametrize("in_slack", [True, False])
def test_a_sign_in_that_failed_here_blames_no_provider(code: str, in_slack: bool) -> None:
    """Neither a lost key nor a client that is not set up was refused by anybody there."""
    said = ending_words(EN, an_outcome(OutcomeKind.OURS_BROKEN, code=code), "Gmail", in_slack=in_slack)
    assert "registration" not in said.text and "nothing is lost" in said.text
    assert "Try again later" in said.next_step
    said = ending_words(JA, an_outcome(OutcomeKind.OURS_BROKEN, code=code), "Gmail", in_slack=in_slack)
    assert "登録" not in said.text and "設定" in said.text


def test_a_registration_that_is_refused_is_called_that() -> None:
    """There the provider has said no, and the page says so."""
    for code in ("invalid_client", "", "another"):
        assert (
            "registration" in ending_words(EN, an_outcome(OutcomeKind.OURS_BROKEN, code=code), "Gmail").text
        )


def test_a_lost_key_is_named_to_the_operator() -> None:
    """Nothing is wrong with the client at the provider: the key is missing here."""
    told = operator_words(EN, "Gmail", "key_lost")
    assert "key that opens stored permissions" in told.why
    assert "INBOXKEEPER_SECRET_KEYS" in told.next_step
    assert "client" in operator_words(EN, "Gmail", "invalid_client").why
