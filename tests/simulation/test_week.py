"""A simulated week. The small one belongs to the suite; ``make week`` plays 200 addresses for seven days."""

from __future__ import annotations

import base64
import os
import random
import secrets
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.week import Ledger, Scale, Week

IS_LARGE: Final = os.environ.get("WEEK") == "large"
SCALE: Final = (
    Scale(acme=140, shop=60, lasts=timedelta(days=7), steps=300, grain=timedelta(seconds=30))
    if IS_LARGE
    else Scale(
        acme=10,
        shop=4,
        lasts=timedelta(hours=3),
        steps=25,
        team_seconds=600,
        grain=timedelta(minutes=1),
    )
)
SEED: Final = int(os.environ.get("WEEK_SEED") or random.SystemRandom().randrange(1, 1_000_000))
"""Names a walk: the same one is played again with WEEK_SEED=…"""
IS_SAME: Final = not (IS_LARGE or "WEEKS" in os.environ or os.environ.get("WEEK_SEED"))
"""In every run of the suite; WEEKS=50 looks further."""
HOW: Final = settings(
    max_examples=1 if IS_LARGE else int(os.environ.get("WEEKS", "2")),
    derandomize=IS_SAME,
    phases=[
        Phase.generate
    ],  # a walk is told step by step; a shorter one would take as long again, many times
    stateful_step_count=SCALE.steps,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def fresh_database(migrated_sqlite: Path, tmp_path: Path) -> Callable[[], str]:
    """A new file with the present tables, each time."""
    numbers = count()

    def fresh() -> str:
        file = tmp_path / f"week-{next(numbers)}.db"
        shutil.copy(migrated_sqlite, file)
        return f"sqlite:///{file}"

    return fresh


def _says_so(played: timedelta) -> None:
    sys.stdout.write(f"\r{played} of {SCALE.lasts} ")
    sys.stdout.flush()


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens at the same moment happens in the order of ids: they are drawn anew in the same way."""
    chance = random.Random(SEED)
    monkeypatch.setattr(secrets, "token_hex", lambda size=32: chance.randbytes(size).hex())
    monkeypatch.setattr(
        secrets,
        "token_urlsafe",
        lambda size=32: base64.urlsafe_b64encode(chance.randbytes(size)).decode().rstrip("="),
    )


@pytest.mark.usefixtures("same_ids", "inline_sqlite")
def test_a_week_keeps_every_promise(fresh_database: Callable[[], str]) -> None:
    """Whatever happens to mailboxes, processes and messages: no false alarm, none missed, each told once."""
    ledger = Ledger(goes_on=_says_so) if IS_LARGE else Ledger()

    class Walk(Week):
        def __init__(self) -> None:
            super().__init__(SCALE, fresh_database(), ledger)

    sys.stdout.write(f"\n{'the walks of the suite' if IS_SAME else f'WEEK_SEED={SEED}'}\n")
    try:
        run_state_machine_as_test(Walk if IS_SAME else seed(SEED)(Walk), settings=HOW)
    finally:
        sys.stdout.write(f"\n{ledger}\n")
        if not IS_SAME:
            sys.stdout.write(f"To play it again: make week SEED={SEED}\n")
    assert ledger.happened.total() > SCALE.steps / 2
