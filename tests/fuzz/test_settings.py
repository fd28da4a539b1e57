"""Whatever an operator writes: settings, the features file, words on the command line."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from typer.testing import CliRunner

from bot.__main__ import app
from bot.config import PREFIX, Settings, SettingsError, load
from bot.feature_file import EXAMPLE, FeatureFaults, read
from tests.fuzz.harness import Budget, Lab, a_lab, fuzz, nothing
from tests.fuzz.inputs import damaged, raw, texts, writable

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
NAMES = sorted(name.upper() for name in Settings.model_fields)
ROOT = Path(__file__).resolve().parents[2]
ENOUGH = {"SECRET_KEYS": KEY, "SLACK_BOT_TOKEN": "xoxb-1-2-three", "SLACK_APP_TOKEN": "xapp-1-A-b"}
HIDDEN = "a-password-nobody-may-see"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Nobody else is needed."""
    with a_lab(nothing) as (made, _):
        made.watch.secrets = [HIDDEN]
        yield made


def test_what_stands_in_the_settings(lab: Lab, budget: Budget) -> None:
    """Settings, or every problem by its name and none by its value."""
    usual = st.sampled_from(
        [
            "0",
            "-1",
            "1e9",
            "true",
            "https://a.example",
            "http://[",
            "postgresql://u:p@h:x/d",
            "a,b,,",
            "::1/129",
        ]
    )
    secret = st.sampled_from([f"postgresql://u:{HIDDEN}@[/x", f"{HIDDEN}", f"sqlite:///{HIDDEN}\x00"])
    given = st.dictionaries(st.sampled_from(NAMES), texts | usual | secret, max_size=5)

    async def take(odd: dict[str, str]) -> None:
        try:
            load({f"{PREFIX}{name}": value for name, value in {**ENOUGH, **odd}.items()}, env_file=None)
        except SettingsError as error:
            assert error.problems and HIDDEN not in str(error)

    fuzz(lab, given, take, budget)


def test_what_stands_in_the_features_file(lab: Lab, budget: Budget, tmp_path: Path) -> None:
    """Features, or every fault by its place."""
    file, example = tmp_path / "features.toml", (ROOT / EXAMPLE).read_bytes()

    async def take(odd: bytes) -> None:
        file.write_bytes(odd)
        try:
            read(file)
        except FeatureFaults as error:
            assert error.faults

    tables = st.builds("[{}]\non = {}\n".format, writable, writable).map(str.encode)
    fuzz(lab, damaged(st.just(example)) | raw | tables, take, budget)


def test_what_is_typed_in_a_shell(
    lab: Lab, budget: Budget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words and a status that a script can read; never a traceback. No setting is there, so nothing runs."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    commands = ["serve", "migrate", "rekey", "doctor", "forget", "manifest", "--help", ""]
    options = ["--yes", "--transport", "http", "socket", "--base-url", "--command", "https://a.example", "--"]

    async def take(words: list[str]) -> None:
        answer = runner.invoke(app, words)
        assert answer.exit_code in {0, 1, 2}, answer.exit_code
        assert answer.exception is None or isinstance(answer.exception, SystemExit), repr(answer.exception)
        assert "Traceback" not in answer.output

    typed = st.tuples(st.sampled_from(commands), st.lists(st.sampled_from(options) | writable, max_size=4))
    fuzz(lab, typed.map(lambda it: [it[0], *it[1]]), take, budget)
