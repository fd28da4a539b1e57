"""The command line: the words an operator reads, and the status a script sees."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from bot import operator_commands
from bot.__main__ import app
from bot.domain.access import Person
from bot.domain.api_key import id_in
from bot.domain.ids import UserId
from bot.manifest import manifest
from bot.program import VERSION
from bot.services.connections.webhooks import Edited
from bot.webhook_commands import edited_words
from storage import Cipher, Storage, migrate
from storage.engine import is_sqlite, sqlite_file, sync_url
from tests.storage.builders import a_channel, a_team_channel
from tests.storage.test_migrate import made_by
from tests.test_config import ENOUGH, EXAMPLE, FEATURES
from tests.views.samples import NOW
from tests.views.webhooks_gallery import a_webhook

runner = CliRunner()


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands read the real environment and ./.env: give them an empty one of each."""
    for name in [name for name in os.environ if name.startswith("INBOXKEEPER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_keygen_prints_a_key() -> None:
    """The one line that is printed is a key, and another one each time."""
    first, second = (runner.invoke(app, ["keygen"]).stdout.strip() for _ in range(2))
    Fernet(first)
    assert first != second


def test_manifest_prints_the_manifest() -> None:
    """Options choose the variant; the output can be pasted as it is."""
    args = ["manifest", "--transport", "http", "--base-url", "https://a.example", "--command", "/mail"]
    printed = runner.invoke(app, args)
    assert printed.exit_code == 0
    assert yaml.safe_load(printed.stdout) == manifest(
        transport="http", base_url="https://a.example", command="/mail"
    )


def test_addresses_need_no_settings() -> None:
    """What the forms at Google, Microsoft and Slack ask for, before there is anything to set."""
    said = runner.invoke(app, ["addresses", "--base-url", "https://a.example/mail/"])
    assert said.exit_code == 0
    for path in ("callback/google", "callback/microsoft", "slack/events"):
        assert f" https://a.example/mail/{path}\n" in said.stdout
    wrong = runner.invoke(app, ["addresses", "--base-url", "http://a.example"])
    assert wrong.exit_code == 2 and "https://" in wrong.stderr and "Next: " in wrong.stderr


def test_the_settings_are_printed_to_be_filled_in() -> None:
    """Without a checkout there is no other copy of them."""
    assert runner.invoke(app, ["settings"]).stdout == EXAMPLE.read_text(encoding="utf-8")


def test_the_version_is_said() -> None:
    """One line, for a report."""
    assert runner.invoke(app, ["--version"]).stdout == f"inboxkeeper {VERSION}\n"


def test_a_manifest_that_cannot_be_is_explained() -> None:
    """HTTP without an address is a sentence and status 2."""
    answer = runner.invoke(app, ["manifest", "--transport", "http"])
    assert answer.exit_code == 2
    assert "--base-url" in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["migrate"],
        ["rekey"],
        ["doctor"],
        ["backup", "f"],
        ["restore", "f"],
        ["move", "f"],
        ["forget", "a@example.com", "--yes"],
    ],
)
def test_missing_settings_are_named(command: list[str]) -> None:
    """Every command that needs the settings says at once what is missing."""
    answer = runner.invoke(app, command)
    assert answer.exit_code == 2
    for name in ("SECRET_KEYS", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        assert f"INBOXKEEPER_{name}" in answer.stderr


def test_no_traceback_from_a_shell(tmp_path: Path) -> None:
    """What a person sees in a terminal is the same words."""
    root = str(Path(__file__).parent.parent)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INBOXKEEPER_")}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "serve"],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Inboxkeeper cannot start" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_command() -> None:
    """Without arguments the commands are listed."""
    shown = runner.invoke(app, []).output
    names = ("serve", "migrate", "keygen", "rekey", "backup", "restore", "move", "doctor", "addresses")
    for name in (*names, "manifest", "forget", "key"):
        assert f"  {name} " in shown


def _settings(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    given = ENOUGH | {"DATABASE_URL": database, "SLACK_API_URL": "http://127.0.0.1:9/api"}
    for name, value in given.items():
        monkeypatch.setenv(f"INBOXKEEPER_{name}", value)


COMMANDS = [["serve"], ["migrate"], ["rekey"], ["doctor"], ["forget", "a@example.com", "--yes"]]


def _no_database(file: Path) -> None:
    file.write_bytes(b"This is a letter, and not a database at all.\n" * 100)


def _damaged(file: Path) -> None:
    """Its first page is whole, and the others are not."""
    asyncio.run(migrate(f"sqlite:///{file}"))
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)


def _foreign_text(file: Path) -> None:
    """A column that holds what is no text."""
    asyncio.run(migrate(f"sqlite:///{file}"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = CAST(x'fffe41' AS TEXT)")
        connection.execute("INSERT INTO meta VALUES ('canary', CAST(x'fffe41' AS TEXT))")
        connection.commit()


def _a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("spoil", [_no_database, _damaged, _foreign_text, _a_folder])
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_database_that_is_none_is_said_in_words(
    command: list[str], spoil: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies there: what it is, what to do next, and no traceback."""
    file = tmp_path / "ik.db"
    spoil(file)
    _settings(monkeypatch, f"sqlite:///{file}")
    answer = runner.invoke(app, command)
    if command[0] == "forget" and answer.exit_code == 0:
        return  # it had no need of what is damaged
    assert answer.exit_code == (1 if command == ["doctor"] else 2), answer.exception
    assert "Next: " in answer.output and "Traceback" not in answer.output
    assert "database" in answer.output


@pytest.mark.parametrize("command", COMMANDS[1:], ids=[command[0] for command in COMMANDS[1:]])
def test_beside_a_newer_version_only_serving_is_left_to_this_one(
    command: list[str], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that it does not know it would neither seal anew, nor erase, nor copy; the doctor says so."""
    asyncio.run(migrate(empty_database_url))
    made_by(empty_database_url, "of tomorrow")
    _settings(monkeypatch, empty_database_url)
    answer = runner.invoke(app, command)
    assert "newer version" in answer.output and "Traceback" not in answer.output
    if command[0] in {"rekey", "forget"}:
        assert answer.exit_code == 2 and "Next: use the newer version" in answer.output


@pytest.mark.parametrize(
    "command", [["rekey"], ["forget", "a@example.com", "--yes"], ["backup", "f"], ["key", "list"]]
)
def test_before_the_tables_are_made_the_way_on_is_said(
    command: list[str], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just installed, or just upgraded: nothing is wrong with the database, and none is begun on the way."""
    _settings(monkeypatch, empty_database_url)
    answer = runner.invoke(app, command)
    assert answer.exit_code == 2, answer.exception
    assert "migrate` (serve does it too)" in answer.output and "does not answer" not in answer.output
    assert not is_sqlite(empty_database_url) or not sqlite_file(empty_database_url).exists()


@pytest.mark.parametrize("taken", ["ALTER TABLE channel DROP COLUMN said", "DROP TABLE token_use"])
def test_an_earlier_state_of_the_first_tables_is_refused_in_words(
    taken: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They had the same name and fewer columns: with the way on, instead of failing where one is missed."""
    asyncio.run(migrate(empty_database_url))
    engine = create_engine(sync_url(empty_database_url))
    with engine.begin() as connection:
        connection.execute(text(taken))
    engine.dispose()
    _settings(monkeypatch, empty_database_url)
    for command in COMMANDS:
        answer = runner.invoke(app, command)
        assert answer.exit_code == (1 if command == ["doctor"] else 2), answer.exception
        assert "before the first release" in answer.output and "Next: " in answer.output
        assert "Traceback" not in answer.output


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_database_from_before_the_first_release_is_refused_in_words(
    command: list[str], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is, and the way on. Nothing is erased from it, and it is not called newer."""
    asyncio.run(migrate(empty_database_url))
    made_by(empty_database_url, "0010")
    _settings(monkeypatch, empty_database_url)
    answer = runner.invoke(app, command)
    assert answer.exit_code == (1 if command == ["doctor"] else 2), answer.exception
    for word in ("before the first release", "Next: ", "empty database", "connect their inboxes again"):
        assert word in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_folder_that_cannot_be_made_is_said_in_words(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where its folder should be."""
    (tmp_path / "data").write_text("")
    _settings(monkeypatch, f"sqlite:///{tmp_path / 'data' / 'ik.db'}")
    answer = runner.invoke(app, command)
    assert answer.exit_code in {1, 2} and (command == ["doctor"] or answer.exit_code == 2), answer.exception
    assert command == ["doctor"] or "Next: " in answer.output
    assert "Traceback" not in answer.output


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A migrated SQLite database, and settings that name it."""
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    values = {
        "DATABASE_URL": url,
        "SECRET_KEYS": Fernet.generate_key().decode(),
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": "0" * 32,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"INBOXKEEPER_{name}", value)
    asyncio.run(migrate(url))
    return url


async def _with_a_wish(url: str, **via: str) -> None:
    storage = await Storage.open(url, cipher=Cipher([os.environ["INBOXKEEPER_SECRET_KEYS"]]))
    try:
        async with storage.writing() as uow:
            await uow.channels.add(a_team_channel(address="help@acme.example", **via))
            await uow.channels.add(a_team_channel(address="sales@acme.example", use="once jane@acme.example"))
            await uow.commit()
    finally:
        await storage.close()


def test_forgetting_says_what_was_erased_and_what_it_cannot_reach(database: str, tmp_path: Path) -> None:
    """Copies are named; what was only mentioned is not called unknown; the second time nothing is known."""
    asyncio.run(_with_a_wish(database))
    (tmp_path / "bot.db.before-0001").touch()
    answer = runner.invoke(app, ["forget", "Jane@acme.example", "--yes"])
    assert answer.exit_code == 0, answer.stderr
    for word in ("Erased: 1", "channel 1", "bot.db.before-0001", "backups", "Slack", "provider"):
        assert word in answer.stdout
    assert "Nothing is known" in runner.invoke(app, ["forget", "jane@acme.example", "--yes"]).stdout


def test_forgetting_an_account_that_opens_an_inbox_takes_force(database: str) -> None:
    """The inbox is named, nothing is erased, and the status tells a script."""
    asyncio.run(_with_a_wish(database, via="jane@acme.example"))
    answer = runner.invoke(app, ["forget", "jane@acme.example", "--yes"])
    assert answer.exit_code == 2
    assert "help@acme.example" in answer.stderr
    assert "--force" in answer.stderr
    forced = runner.invoke(app, ["forget", "jane@acme.example", "--yes", "--force"])
    assert forced.exit_code == 0
    assert "Cut off" in forced.stdout


def test_forgetting_takes_an_address(database: str) -> None:
    """A name alone would be looked for in vain, and called unknown."""
    answer = runner.invoke(app, ["forget", "jane", "--yes"])
    assert answer.exit_code == 2
    assert "no e-mail address" in answer.stderr


def test_a_backup_goes_out_and_comes_back(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said at each step, and what is refused in words: a file that exists, a full database, a wrong
    file, a database that is not there."""
    asyncio.run(_with_a_wish(database))
    asyncio.run(_with_keys_known(database))
    out = runner.invoke(app, ["backup", "copy"])
    assert out.exit_code == 0 and "sealed with the first key" in out.stdout, out.stderr
    for command, words in (
        (["backup", "copy"], "exists already"),
        (["restore", "copy"], "is not empty"),
        (["move", "nowhere.db"], "There is no file"),
    ):
        refused = runner.invoke(app, command)
        assert refused.exit_code == 2 and words in refused.stderr and "Next: " in refused.stderr
    monkeypatch.setenv("INBOXKEEPER_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    (tmp_path / "letter").write_text("Dear Alice")
    spoilt = runner.invoke(app, ["restore", "letter"])
    assert spoilt.exit_code == 2 and "no backup" in spoilt.stderr
    missing = runner.invoke(app, ["restore", "nowhere"])
    assert missing.exit_code == 2 and "There is no file" in missing.stderr
    back = runner.invoke(app, ["restore", "copy"])
    assert back.exit_code == 0 and "are back" in back.stdout, back.stderr
    assert "Erased" in runner.invoke(app, ["forget", "jane@acme.example", "--yes"]).stdout


def test_rekeying_says_how_far_it_is_wherever_its_batches_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Whenever ten thousand more are done, once."""
    told = operator_commands.every(10_000)
    for seen in (200, 9_950, 10_003, 10_150, 19_999, 20_000, 20_113, 41_000):
        told(seen)
    said = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert said == ["10003", "20000", "41000"]


async def _with_keys_known(url: str) -> None:
    storage = await Storage.open(url, cipher=Cipher([os.environ["INBOXKEEPER_SECRET_KEYS"]]))
    try:
        await storage.check_keys()
    finally:
        await storage.close()


async def _with_inboxes(url: str) -> None:
    """A database of a bot that has met its workspace."""
    await migrate(url)
    storage = await Storage.open(url, cipher=Cipher([Fernet.generate_key().decode()]))
    async with storage.writing() as uow:
        team = a_team_channel(address="support@acme.example")
        await uow.workspaces.save_seen(team.workspace_id, "Acme", UserId("UBOT"), team.since)
        await uow.channels.add(team)
        await uow.channels.add(a_channel(address="jane@acme.example"))
        kenji = Person(UserId("UKENJI"), team.workspace_id, email="kenji@acme.example")
        await uow.people.save_all([kenji], team.since)
        await uow.commit()
    await storage.close()


@pytest.fixture
def with_features(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("INBOXKEEPER_FEATURES_FILE", str(FEATURES))
    asyncio.run(_with_inboxes(database))
    return database


def test_a_key_is_shown_once_and_revoked(with_features: str) -> None:
    """Standard output is the key alone; the list never holds it."""
    made = runner.invoke(
        app, ["key", "create", "Help desk", "--address", "support@acme.example", "--feature", "crm"]
    )
    assert made.exit_code == 0, made.stderr
    key = made.stdout.removesuffix("\n")
    key_id = id_in(key)
    assert key_id is not None
    assert key not in made.stderr
    assert "INBOXKEEPER_API=true" in made.stderr
    listed = runner.invoke(app, ["key", "list"]).stdout
    for word in (key_id, "Help desk", "works", "support@acme.example", "crm", "anywhere", "never"):
        assert word in listed
    assert key not in listed
    assert runner.invoke(app, ["key", "revoke", key_id]).exit_code == 0
    assert "revoked" in runner.invoke(app, ["key", "list"]).stdout
    again = runner.invoke(app, ["key", "revoke", key_id])
    assert again.exit_code == 2
    assert "key list" in again.stderr


def test_a_key_is_looked_after_by_somebody_who_is_there(with_features: str) -> None:
    """Named by their address at Slack; an address that nobody there has is refused."""
    made = runner.invoke(app, ["key", "create", "Help desk", "--all-team", "--feature", "crm"]).stdout.strip()
    key_id = id_in(made)
    assert key_id is not None
    args = ["key", "assign", key_id, "--for"]
    assert runner.invoke(app, [*args, "Kenji@acme.example"]).exit_code == 0
    assert "looked after by kenji@acme.example" in runner.invoke(app, ["key", "list"]).stdout
    for wrong, words in (
        ([*args, "who@acme.example"], "Slack profile"),
        (["key", "assign", "abcd1234", "--for", "kenji@acme.example"], "key list"),
    ):
        answer = runner.invoke(app, wrong)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert words in answer.stderr


def test_a_door_is_shown_once_and_replaced(with_features: str) -> None:
    """Standard output is the address alone, and another one each time."""
    made = runner.invoke(app, ["key", "create", "Engine", "--all-team", "--feature", "crm"])
    key_id = id_in(made.stdout.strip())
    assert key_id is not None
    doors = [runner.invoke(app, ["key", "door", key_id]).stdout for _ in range(2)]
    assert len(set(doors)) == 2
    assert "has an address for EmailEngine" in runner.invoke(app, ["key", "list"]).stdout
    typed = runner.invoke(app, ["key", "door", made.stdout.strip()])
    assert typed.exit_code == 0
    for words in ("now in this shell's history", "INBOXKEEPER_API=true"):
        assert words in typed.stderr
    assert all(re.fullmatch(r"http\S+/api/emailengine/[\w-]{43}\n", one) for one in doors)
    unknown = runner.invoke(app, ["key", "door", "abcd1234"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "key list" in unknown.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--all-team"], "defined there: crm, replies"),
        (["--feature", "crm"], "--all-team"),
        (["--feature", "crm", "--address", "who@acme.example"], "connect it in Slack first"),
        (["--feature", "zap", "--all-team"], "no feature called zap"),
        (["--feature", "crm", "--all-team", "--network", "ten"], "ten is no network"),
        (["--feature", "crm", "--all-team", "--days", "99999999999"], "1 to 1098 days"),
        (["--feature", "crm", "--all-team", "--days", "-1"], "1 to 1098 days"),
    ],
)
def test_a_key_that_cannot_be_made_is_explained(with_features: str, args: list[str], words: str) -> None:
    answer = runner.invoke(app, ["key", "create", "Help desk", *args])
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert answer.stdout == ""


def test_doctor_says_who_may_get_access(with_features: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, for what, and until when; nobody while programs are switched off."""
    monkeypatch.setenv("INBOXKEEPER_SLACK_API_URL", "http://127.0.0.1:9/api")
    args = ["key", "create", "Help desk", "--feature", "crm"]
    made = [
        runner.invoke(app, [*args, "--address", "support@acme.example"]),
        runner.invoke(app, [*args, "--all-team"]),
    ]
    gone = id_in(runner.invoke(app, [*args, "--all-team"]).stdout.strip())
    assert gone is not None
    runner.invoke(app, ["key", "revoke", gone])
    assert "Programs: none is given access" in runner.invoke(app, ["doctor"]).stdout
    monkeypatch.setenv("INBOXKEEPER_API", "true")
    said = runner.invoke(app, ["doctor"]).stdout
    assert "Webhooks: there are none" in said
    for words in ("at support@acme.example for crm, until", "at all team addresses for crm"):
        assert words in said
    assert gone not in said
    assert not [one for one in made if one.stdout.strip() in said]


def test_a_webhook_is_edited(with_features: str) -> None:
    """What is not named stays, and so does all of it where the new address takes no test."""
    url = "https://nowhere.example/hook?token=hunter2"
    runner.invoke(app, ["webhook", "create", "Help desk", url, "--all-team"])
    webhook_id = runner.invoke(app, ["webhook", "list"]).stdout.partition(" ")[0]

    def edits(*args: str, typed: str | None = None) -> tuple[int, str]:
        answer = runner.invoke(app, ["webhook", "edit", *args], input=typed)
        assert "hunter2" not in answer.output
        return answer.exit_code, answer.stdout + answer.stderr

    for args, words in (
        (["--name", "Desk"], "is changed."),
        (["--name", "Desk"], "like this already. Nothing was changed."),
        ([], "like this already"),
        (["--address", "support@acme.example"], "is changed."),
    ):
        code, said = edits(webhook_id, *args)
        assert (code, words in said) == (0, True), said
    code, said = edits(webhook_id, "--name", "Other", "--url", "-", typed="https://127.0.0.1/hunter2\n")
    assert code == 1
    assert "did not take the test: its address must be a name, not a number. Nothing was changed." in said
    for args, words in (
        (["--url", "ftp://x"], "written like https://"),
        (["--name", " "], "one line of 1 to 60"),
        (["--all-team", "--address", "support@acme.example"], "either --all-team, or --address"),
        (["--address", "who@acme.example"], "who@acme.example is not connected"),
    ):
        code, said = edits(webhook_id, *args)
        assert (code, words in said) == (2, True), said
    code, said = edits("wh_none", "--name", "x")
    assert code == 2 and "webhook list" in said
    listed = runner.invoke(app, ["webhook", "list"]).stdout
    assert "| Desk | nowhere.example | waits for a test | support@acme.example |" in listed


@pytest.mark.parametrize(
    ("is_off", "is_moved", "words"),
    [
        (False, True, "told at b.example, with the same secret"),
        (True, True, "told at b.example, with the same secret"),
        (True, False, "is changed. It is still switched off. Next: see to the receiver, then run"),
        (False, False, "is changed."),
    ],
)
def test_an_edit_says_where_a_program_is_told_and_whether(is_off: bool, is_moved: bool, words: str) -> None:
    before = a_webhook(off_at=NOW if is_off else None)
    after = replace(before, host="b.example" if is_moved else before.host, name="Other")
    assert words in edited_words(Edited(before, after, is_moved=is_moved))


@pytest.mark.parametrize("what", ["key", "webhook"])
def test_the_next_step_is_the_command_as_it_was_called(
    with_features: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Where the program is installed there is no ``python -m bot``."""
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/inboxkeeper"])
    steps = [
        runner.invoke(app, [what, "list"]).stdout,
        runner.invoke(app, [what, "revoke", "nope1234"]).stderr,
        runner.invoke(app, [what, "--help"]).stdout,
    ]
    monkeypatch.delenv("INBOXKEEPER_SLACK_BOT_TOKEN")
    steps.append(runner.invoke(app, [what, "list"]).stderr)
    assert all(steps), steps
    assert not [it for it in steps if "python -m bot" in it]
    assert [f"inboxkeeper {what}" in it for it in steps[:3]] == [True, True, True]


def test_keys_wait_for_a_workspace(database: str) -> None:
    """Before the bot has run once there is nothing that a key could be for."""
    asyncio.run(migrate(database))
    answer = runner.invoke(app, ["key", "list"])
    assert answer.exit_code == 2
    assert "serve" in answer.stderr
