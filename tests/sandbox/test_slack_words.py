"""Slack's own words: in the language of each person's Slack."""

from __future__ import annotations

import re
from string import Formatter
from typing import Final

import pytest
from jinja2 import Environment, FileSystemLoader

from sandbox.demo import STEPS
from sandbox.slack.localized import WORDS
from tests.driver import CannotDo
from tests.sandbox.slack_bot import world

_TEMPLATES: Final = Environment(loader=FileSystemLoader("sandbox/templates"), autoescape=True)
_SAID: Final = re.compile(r">([^<>]*[A-Za-z][^<>]*)<")


def _places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


def test_every_phrase_exists_in_every_language() -> None:
    """With the same places for names; no page falls back to another language half-way."""
    english = {key: _places(phrase) for key, phrase in WORDS["en"].items()}
    assert english == {key: _places(phrase) for key, phrase in WORDS["ja"].items()}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_the_tour_is_told_in_both_languages(step: str) -> None:
    """A title and what to do; the Japanese names the Japanese commands."""
    how = _TEMPLATES.get_template("slack_tour.html").module.how  # type: ignore[attr-defined]
    english, japanese = str(how(step, "en")), str(how(step, "ja"))
    assert english.strip() and japanese.strip() and english != japanese
    assert f"step_{step}" in WORDS["en"]
    commands = re.findall(r"<code>(/inbox \S+)", japanese)
    assert all(not command.isascii() for command in commands), commands


async def test_a_japanese_persons_slack_speaks_japanese() -> None:
    """Around what the app says nothing is English; the reader beside them has their own words."""
    async with world("http") as acme:
        await acme.driver.person("kenji").types("/inbox list")
        kept = {}
        for who in ("U0KENJI", "U0ALICE"):
            for place in ("home", "dm", "C0GENERAL"):
                async with acme.session.get(f"{acme.slack.public_url}/?as={who}&in={place}") as response:
                    kept[who, place] = await response.text()
        assert "あなただけに表示されています" in kept["U0KENJI", "C0GENERAL"]
        assert "メンバー 5 人" in kept["U0KENJI", "C0GENERAL"] and "5 members" in kept["U0ALICE", "C0GENERAL"]
        for place in ("home", "dm"):
            said = {found.strip() for found in _SAID.findall(kept["U0KENJI", place].partition("<body")[2])}
            names = {"A", "Acme", "Inboxkeeper", "ローカル Slack"} | {one for one in said if one.islower()}
            people = {one for one in said if re.match(r"(?:Sakura|Omar|Alice|Kenji|Gus) ", one)}
            assert said - names - people == set(), place


async def test_refusals_of_slack_itself_are_in_the_persons_language() -> None:
    """An unknown command, a required field, an answer that never came, a conversation that takes nothing."""
    async with world("http") as acme:
        kenji = acme.driver.person("kenji")
        assert (await kenji.types("/outbox")).error_shown == "/outbox は有効なコマンドではありません。"
        bad = await kenji.types("/inbox bad")
        assert bad.error_shown == "/inbox はエラー「invalid_blocks」により失敗しました。"
        with pytest.raises(CannotDo, match="オフになっています"):
            await kenji.types("/inbox list", in_="dm")
