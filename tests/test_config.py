"""Settings: right ones are read, wrong ones are all named at once, secrets are never shown."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import PREFIX, Settings, SettingsError, load
from bot.domain.features import Features

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
ENOUGH = {"SECRET_KEYS": KEY, "SLACK_BOT_TOKEN": "xoxb-1-2-three", "SLACK_APP_TOKEN": "xapp-1-A-b"}
EXAMPLE = Path(__file__).parent.parent / ".env.example"
FEATURES = Path(__file__).parent.parent / "docs/features.example.toml"


def settings(**given: str) -> Settings:
    return load({f"{PREFIX}{name}": value for name, value in (ENOUGH | given).items()}, env_file=None)


def wrong(**given: str) -> dict[str, str]:
    """What is complained about, by the setting's short name."""
    with pytest.raises(SettingsError) as caught:
        settings(**given)
    return {one.name.removeprefix(PREFIX): one.wrong for one in caught.value.problems}


def test_three_settings_are_enough() -> None:
    """Keys and Slack's tokens are all the bot needs to start; the rest has defaults."""
    made = settings()
    assert made.database_url.get_secret_value() == "sqlite:///data/inboxkeeper.db"
    assert (made.host, made.port, made.base_url) == ("127.0.0.1", 8080, "http://localhost:8080")
    assert (made.probe_team_seconds, made.probe_personal_seconds, made.witness_seconds) == (60, 300, 30)
    assert (made.command, made.log_format, made.socket_mode, made.google) == ("/inbox", "console", True, None)


def test_monitoring_has_another_port_than_the_pages() -> None:
    """Both cannot listen at one."""
    assert settings(WATCH_PORT="9464").watch_port == 9464
    assert "port of the pages" in wrong(WATCH_PORT="8080")["WATCH_PORT"]
    assert "port of the pages" in wrong(PORT="9464", WATCH_PORT="9464")["WATCH_PORT"]


@pytest.mark.parametrize(
    "url", ["http://hc.example.com/x", "https://", "hc.example.com", "ftp://h.example/x"]
)
def test_a_heartbeat_url_is_a_secret_and_goes_encrypted(url: str) -> None:
    """What is wrong with it does not quote it."""
    assert "https://" in wrong(HEARTBEAT_URL=url)["HEARTBEAT_URL"]
    made = settings(HEARTBEAT_URL="https://hc.example.com/s3cret")
    assert "s3cret" not in repr(made) and "https://hc.example.com/s3cret" in made.secrets()


def test_lists_are_comma_separated() -> None:
    """Blanks around commas and empty parts don't count."""
    second = base64.urlsafe_b64encode(b"2" * 32).decode()
    made = settings(SUPER_ADMINS=" U012AB3CD , ,U0ALICE", SECRET_KEYS=f"{KEY},{second}")
    assert made.super_admins == ("U012AB3CD", "U0ALICE")
    assert [key.get_secret_value() for key in made.secret_keys] == [KEY, second]


def test_domains_are_folded() -> None:
    """A domain is compared in lower case, whether or not it was written with an @."""
    assert settings(ALLOWED_DOMAINS="Example.COM,@bücher.example").allowed_domains == (
        "example.com",
        "bücher.example",
    )


def test_a_signing_secret_alone_means_http() -> None:
    """Without an app-level token Slack comes over HTTP; a rotation may hold two secrets."""
    made = settings(SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET="a" * 32 + "," + "b" * 32)
    assert not made.socket_mode
    assert len(made.slack_signing_secret) == 2


def test_google_is_on_with_id_and_secret() -> None:
    """A Google client switches Gmail on, at the real Google unless told otherwise."""
    google = settings(
        GOOGLE_CLIENT_ID="1.apps.googleusercontent.com",
        GOOGLE_CLIENT_SECRET="GOCSPX-x",
        GOOGLE_TOKEN_URL="http://127.0.0.1:9/token/",
    ).google
    assert google is not None
    assert google.token_url == "http://127.0.0.1:9/token"
    assert google.auth_url == "https://accounts.google.com/o/oauth2/v2/auth"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """What is set for the process counts more than .env; an empty value counts as not given."""
    file = tmp_path / ".env"
    file.write_text("INBOXKEEPER_PORT=9001\nINBOXKEEPER_HOST=0.0.0.0\nOTHER=1\n")
    given = {f"{PREFIX}{name}": value for name, value in (ENOUGH | {"PORT": "9002", "HOST": ""}).items()}
    made = load(given, env_file=file)
    assert (made.port, made.host) == (9002, "0.0.0.0")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A .env in another encoding is a sentence, not a traceback."""
    file = tmp_path / ".env"
    file.write_bytes(b"INBOXKEEPER_PORT=\xff\xfe\n")
    with pytest.raises(SettingsError, match="cannot be read as UTF-8"):
        load({}, env_file=file)


def test_the_pages_follow_the_port() -> None:
    """Without BASE_URL the pages are on this machine, at the port the bot listens on."""
    assert settings(PORT="9003").base_url == "http://localhost:9003"


def test_everything_wrong_is_named_at_once() -> None:
    """Missing, wrong, misspelt and ill-matched settings come in one list, each with a next step."""
    with pytest.raises(SettingsError) as caught:
        load({f"{PREFIX}PORT": "x", f"{PREFIX}SLAC_BOT_TOKEN": "x", f"{PREFIX}GOOGLE_CLIENT_ID": "x"}, None)
    assert {one.name.removeprefix(PREFIX) for one in caught.value.problems} == {
        "PORT",
        "SECRET_KEYS",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLAC_BOT_TOKEN",
        "GOOGLE_CLIENT_SECRET",
    }
    text = str(caught.value)
    assert "6 settings need attention" in text
    assert text.count("Next: ") == 6
    assert "did you mean INBOXKEEPER_SLACK_BOT_TOKEN?" in text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEYS", "not-a-key", "the key is not one that `python -m bot keygen` prints"),
        ("SECRET_KEYS", f"{KEY},short", "key 2 of 2 is not one"),
        ("SECRET_KEYS", ",", "is empty"),
        ("SLACK_BOT_TOKEN", "xapp-1-2", "is an app-level token, not a bot token"),
        ("SLACK_BOT_TOKEN", "xoxp-1-2", "is a user token, not a bot token"),
        ("SLACK_BOT_TOKEN", "hello", "does not look like a bot token"),
        ("SLACK_BOT_TOKEN", "xoxb-1 2", "does not look like a bot token"),
        ("SLACK_APP_TOKEN", "xoxb-1-2", "is a bot token, not an app-level token"),
        ("SLACK_SIGNING_SECRET", "xoxb-1-2", "is a bot token, not a signing secret"),
        ("SLACK_SIGNING_SECRET", "short", "is too short"),
        ("SLACK_SIGNING_SECRET", ",".join("abc" * 10 for _ in range(3)), "holds 3 secrets"),
        ("BASE_URL", "http://inbox.example.com", "must begin with https://"),
        ("BASE_URL", "inbox.example.com", "must be a full address"),
        ("BASE_URL", "https://u:p@inbox.example.com", "must not contain a user name"),
        ("BASE_URL", "https://[bad", "cannot be read as an address"),
        ("DATABASE_URL", "mysql://h/x", "is neither SQLite nor PostgreSQL"),
        ("DATABASE_URL", "sqlite://", "names no file"),
        ("DATABASE_URL", "data.db", "must begin with sqlite:/// or postgresql://"),
        ("SUPER_ADMINS", "U012AB3CD,bob@example.com", "not a Slack member id (U…): entry 2"),
        ("OPERATORS", "alice,bob", "not a Slack member id (U…): entry 1 and 2"),
        ("ALLOWED_DOMAINS", "a@b.example", "not a domain name: entry 1"),
        ("COMMAND", "inbox", "must be a slash and"),
        ("PORT", "70000", "should be less than or equal to 65535"),
        ("PROBE_TEAM_SECONDS", "0", "should be greater than 0"),
        ("PROBE_PERSONAL_SECONDS", "nan", "should be a finite number"),
        ("LOG_FORMAT", "xml", "should be 'console' or 'json'"),
        ("GOOGLE_CLIENT_ID", "GOCSPX-abc", "is a Google client secret, not a client id"),
        ("GOOGLE_CLIENT_SECRET", "1.apps.googleusercontent.com", "is a client id, not a client secret"),
        ("GOOGLE_AUTH_URL", "accounts.google.com", "must be a full address"),
    ],
)
def test_a_wrong_value_is_explained(name: str, value: str, words: str) -> None:
    """Each rule says what is wrong in words that don't repeat the value."""
    assert words in wrong(**{name: value})[name]


@pytest.mark.parametrize(
    "value", ["http://localhost:1/", "http://127.0.0.1:80", "http://[::1]:80", "https://a.b/x"]
)
def test_plain_http_is_for_this_machine_only(value: str) -> None:
    """Loopback needs no TLS; the trailing slash goes."""
    assert settings(BASE_URL=value).base_url == value.rstrip("/")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+psycopg://h/d", "postgresql://h/d"),
        ("sqlite+aiosqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_database_addresses_are_folded(given: str, kept: str) -> None:
    """Which driver is used is the storage's business, so the address names only the database."""
    assert settings(DATABASE_URL=given).database_url.get_secret_value() == kept


def test_what_is_wrong_in_a_file_stands_beside_what_is_wrong_elsewhere(tmp_path: Path) -> None:
    """The features file is read with the settings: each fault is a problem of its own, by its place."""
    file = tmp_path / "features.toml"
    file.write_text('[crm]\non = true\nname.en = "CRM"\nscopes.google = ["topsecret"]\n')
    found = wrong(FEATURES_FILE=str(file), PORT="x")
    assert set(found) == {"PORT", "FEATURES_FILE: crm.reason", "FEATURES_FILE: crm.scopes.google"}
    assert "topsecret" not in str(found)
    assert "cannot be read" in wrong(FEATURES_FILE=str(tmp_path / "none.toml"))["FEATURES_FILE"]


def test_without_a_file_there_are_no_features() -> None:
    """Only what keeps a mailbox connected is built in."""
    assert settings().features == Features()
    assert [one.key for one in settings(FEATURES_FILE=str(FEATURES)).features.defined] == [
        "crm",
        "replies",
    ]


def test_no_secret_is_shown() -> None:
    """Neither the settings' repr nor a complaint holds a secret's value."""
    given = {
        "SLACK_SIGNING_SECRET": "topsecret1",
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "topsecret2",
        "DATABASE_URL": "postgresql://u:topsecret3@h/d",
    }
    made = settings(**given)
    shown = f"{made!r} {made} {made.google!r} {made.model_dump()}"
    assert not [secret for secret in (KEY, "xoxb-1", "xapp-1", "topsecret") if secret in shown]
    with pytest.raises(SettingsError) as caught:
        settings(**(given | {"SECRET_KEYS": "topsecret4", "DATABASE_URL": "mysql://u:topsecret3@h/d"}))
    assert "topsecret" not in f"{caught.value} {caught.value!r} {caught.value.__context__!r}"


def test_every_secret_can_be_concealed() -> None:
    """What logging is told to conceal is every secret there is, the database's password among them."""
    made = settings(
        SLACK_SIGNING_SECRET="a" * 32,
        GOOGLE_CLIENT_ID="id",
        GOOGLE_CLIENT_SECRET="GOCSPX-x",
        DATABASE_URL="postgresql://u:p%40ss@h/d",
    )
    assert set(made.secrets()) == {
        KEY,
        "a" * 32,
        "xoxb-1-2-three",
        "xapp-1-A-b",
        "GOCSPX-x",
        "p%40ss",
        "p@ss",
    }


def test_settings_do_not_change() -> None:
    """What was read at the start holds until the end."""
    with pytest.raises(ValueError, match="frozen"):
        settings().port = 1


def test_the_example_file_names_every_setting() -> None:
    """.env.example holds each setting once, under its own comment line, with its default."""
    found = dict(re.findall(r"^# (.+)\n#?INBOXKEEPER_([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    comments = {name: about for about, name in found.items()}
    assert comments == {name.upper(): field.description for name, field in Settings.model_fields.items()}


def test_the_example_file_shows_the_defaults(tmp_path: Path) -> None:
    """Uncommenting every line of .env.example changes nothing."""
    file = tmp_path / ".env"
    file.write_text(EXAMPLE.read_text().replace("\n#INBOXKEEPER_", "\nINBOXKEEPER_"))
    shown = load({f"{PREFIX}{name}": value for name, value in ENOUGH.items()}, env_file=file)
    assert _plain(shown) == _plain(settings())


def _plain(made: Settings) -> dict[str, object]:
    held = made.model_dump()
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in held.items()
    }
