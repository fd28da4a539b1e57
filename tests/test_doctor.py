"""What the doctor says of permissions: who is asked for what, before anybody is."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from bot.app import real_clock
from bot.config import Settings, load
from bot.doctor import CHECKS, addresses_at, credential_findings, examine, has_started, json_of, permissions
from bot.doctor_network import (
    Finding,
    _certificate_ends,
    _opened,
    pages_finding,
    provider_findings,
    slack_findings,
)
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from storage.unit_of_work import ServerFacts
from tests.driver import Driver
from tests.stage import a_bot, a_town
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


# --- a deployment, from its first look to its first fault


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    """Slack and providers, and settings; nothing was ever started."""
    async with town(Place(database_url=database_url), SandboxClock.running()) as built:
        assert built.world.listener is not None
        built.world.listener.close()
        yield built


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


async def checked(settings: Settings) -> dict[str, Finding]:
    return by_name([await check(settings) for check in CHECKS])


async def test_before_the_first_start_nothing_is_wrong(
    place: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """No pages and no tables yet are what is to be expected; the next step says what to do."""
    assert await examine(place.settings, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["ok"]
    found = {one["what"]: one for one in said["findings"]}
    assert "never started" in found["Pages"]["said"] and found["Pages"]["next"]
    assert "on this machine only" in found["Pages"]["next"]  # before the address is given to Google
    assert found["Socket Mode"]["said"] == "Slack gives a connection"
    assert found["Slack scopes"]["said"].startswith("all 6 that are needed are granted")
    assert found["Clock"]["ok"]


async def test_a_file_that_is_not_there_yet_answers_nobody(tmp_path: Path) -> None:
    """Most databases are a file, and the first start makes it."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    async with town(Place(database_url=url), SandboxClock.running()) as built:
        found = await checked(built.settings)
    assert "there is none yet" in found["Database"].said
    assert not list(tmp_path.iterdir())


async def test_after_it_pages_that_do_not_answer_are_a_fault(database_url: str) -> None:
    """The same silence means something else once a bot has run."""
    async with a_town(database_url) as built:
        async with a_bot(built):
            opened = await pages_finding(built.settings, clock=real_clock, has_started=True)
            assert opened.is_good and "only on this machine" in opened.said
        assert await has_started(built.settings)
        gone = await pages_finding(built.settings, clock=real_clock, has_started=True)
        assert not gone.is_good and gone.next_step


async def test_a_database_says_whether_there_is_room(place: Town) -> None:
    """A file's disk, or a server's connections."""
    found = await checked(place.settings)
    assert all(one.is_good for one in found.values()), found
    assert ("Disk" in found) != ("Server" in found)


async def test_what_slack_holds_against_us_has_a_next_step(place: Town) -> None:
    """A clock that is off, Socket Mode switched off, a token that was taken back."""
    ahead = by_name(await slack_findings(place.settings, clock=lambda: real_clock() + timedelta(minutes=3)))
    assert not ahead["Clock"].is_good and "off Slack's" in ahead["Clock"].said and ahead["Clock"].next_step
    async with aiohttp.ClientSession() as session:
        driver = Driver(place.url, session)
        await driver.break_("error", method="apps.connections.open", error="not_allowed_token_type")
        refused = by_name(await slack_findings(place.settings, clock=real_clock))["Socket Mode"]
        assert not refused.is_good and "not_allowed_token_type" in refused.said and refused.next_step
        await driver.break_("error", method="auth.test", error="token_revoked")
        dead = by_name(await slack_findings(place.settings, clock=real_clock))
        assert "token_revoked" in dead["Slack"].said and dead["Slack"].next_step
        await driver.mend()


async def test_without_any_provider_there_is_nothing_to_connect(
    place: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """One may be off, not all."""
    for imap, is_good in (("true", True), ("false", False)):
        given = {k: v for k, v in place.environment.items() if "CLIENT" not in k} | {"INBOXKEEPER_IMAP": imap}
        assert await examine(load(given, None), as_json=True) is is_good
        found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
        assert ("Mail" in found) is not is_good


async def test_providers_are_asked_whether_they_know_what_is_configured(place: Town) -> None:
    """A wrong secret, a tenant that is none, and a network that leads nowhere: before anybody signs in."""
    assert all(one.is_good for one in await provider_findings(place.settings))
    wrong = {"GOOGLE_CLIENT_SECRET": "GOCSPX-wrong", "MICROSOFT_TENANT": "nobody.invalid"}
    away = {"GOOGLE_TOKEN_URL": "http://127.0.0.1:9/token", "MICROSOFT_LOGIN_URL": "http://127.0.0.1:9"}
    for given, words in ((wrong, ("(invalid_client)", "tenant")), (away, ("reached", "reached"))):
        settings = load({**place.environment, **{f"INBOXKEEPER_{k}": v for k, v in given.items()}}, None)
        found = await provider_findings(settings)
        assert [one.what for one in found] == ["Google", "Microsoft"]
        assert all(not one.is_good and one.next_step for one in found), found
        assert all(word in one.said for one, word in zip(found, words, strict=True)), found


async def test_whoever_the_settings_name_is_looked_up(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody named has a next step and is no fault; a slip in an id, or a guest, is one."""
    async with town(Place(database_url=database_url), SandboxClock.running()) as built:
        assert built.world.listener is not None
        built.world.listener.close()
        for operators, is_good, words in (
            ("", True, "told to the super admins"),
            ("U0OMAR", True, "omar"),
            ("U0OMAR,U0GUS,U0NOBODY", False, "U0GUS, U0NOBODY: no active member"),
        ):
            given = {**built.environment, "INBOXKEEPER_OPERATORS": operators}
            assert await examine(load(given, None), as_json=True) is is_good
            found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
            assert found["Operators"]["ok"] is is_good and words.lower() in found["Operators"]["said"].lower()
            assert ("INBOXKEEPER_OPERATORS" in found["Operators"]["next"]) is (operators != "U0OMAR")


def test_a_certificate_is_told_before_it_ends() -> None:
    """Two weeks before browsers refuse the page."""
    base = "https://inbox.example.com"
    soon, later = (_opened(base, 200, timedelta(days=days, hours=1)) for days in (13, 40))
    assert not soon.is_good and "ends in 13 days" in soon.said and soon.next_step
    assert later.is_good and later.said.endswith("its certificate lasts 40 days more")
    wrong_path = _opened(base, 404, None)
    assert not wrong_path.is_good and "404" in wrong_path.said
    transport = SimpleNamespace(get_extra_info=lambda _: {"notAfter": "Dec 24 12:00:00 2026 GMT"})
    answer = cast(Any, SimpleNamespace(connection=SimpleNamespace(transport=transport)))
    ends = _certificate_ends(answer)
    assert ends is not None and ends.timestamp() == ssl.cert_time_to_seconds("Dec 24 12:00:00 2026 GMT")
    assert _certificate_ends(cast(Any, SimpleNamespace(connection=None))) is None


def test_a_pooler_is_known_by_the_port_that_answered() -> None:
    """Nothing is said of a socket file."""
    assert ServerFacts("16.2", 100, 5432, 6432).is_behind_something
    assert not ServerFacts("16.2", 100, 5432, None).is_behind_something
    assert not ServerFacts("16.2", 100, None, None).is_behind_something


def test_programs_are_told_the_same() -> None:
    """In the same order; one fault makes the whole not well."""
    said = json.loads(json_of([Finding("A", True, "fine"), Finding("B", False, "not", "mend it")]))
    assert said == {
        "ok": False,
        "findings": [
            {"what": "A", "ok": True, "said": "fine", "next": ""},
            {"what": "B", "ok": False, "said": "not", "next": "mend it"},
        ],
    }


def test_addresses_are_under_the_base_with_its_path() -> None:
    """As the callbacks are served."""
    assert addresses_at("https://host.example/mail/")["google"] == "https://host.example/mail/callback/google"


def test_others_may_not_read_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file with the keys is named, with the command that closes it."""
    from bot.doctor import _modes  # noqa: PLC0415

    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch(mode=0o644)
    settings = load({f"INBOXKEEPER_{name}": value for name, value in ENOUGH.items()}, None)
    found = _modes(settings)
    assert not found.is_good and found.next_step == "run `chmod go= .env`."


def test_what_ends_soon_is_a_fault_with_a_next_step() -> None:
    """A week before, while there is time to get a new one; nothing is said of a secret without a day."""
    microsoft = {"MICROSOFT_CLIENT_ID": "6731de76-14a6-49ae-97bc-6eba6914391e"}
    microsoft["MICROSOFT_CLIENT_SECRET"] = "Abc8Q~" + "x" * 34
    given = {f"INBOXKEEPER_{name}": value for name, value in (ENOUGH | microsoft).items()}
    assert credential_findings(load(given, None), real_clock()) == []
    settings = load(given | {"INBOXKEEPER_MICROSOFT_SECRET_ENDS": "2027-06-30"}, None)
    for day, is_good, words in (
        (20, True, "10 days more"),
        (24, False, "6 days more"),
        (30, False, "ended on"),
    ):
        [found] = credential_findings(settings, datetime(2027, 6, day, tzinfo=UTC))
        assert found.is_good is is_good and words in found.said and bool(found.next_step) is not is_good
