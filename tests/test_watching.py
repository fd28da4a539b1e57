"""What the operator is told: figures, what is written of them, and a sign of life that stops with the bot."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.grant import Secret
from bot.metrics import Metrics, measure_lag
from bot.program import VERSION
from bot.sign_of_life import SignOfLife
from tests.services.test_secrets import log

__all__ = ["log"]
ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy/prometheus/inboxkeeper.rules.yml"
DASHBOARD = ROOT / "deploy/grafana/inboxkeeper.json"
GUIDE = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
NAMED = re.compile(r"inboxkeeper_[a-z_]+")


def figures() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every figure by the name that is scraped: its kind and its labels."""
    found = {}
    for value in vars(Metrics.build()).values():
        for family in (
            value.describe() if hasattr(value, "describe") and hasattr(value, "_labelnames") else ()
        ):
            suffix = "_total" if family.type == "counter" else ""
            found[f"{family.name}{suffix}"] = (family.type, tuple(value._labelnames))
    return found


def test_the_guide_lists_every_figure_and_no_other() -> None:
    """With its kind and its labels."""
    rows = re.findall(r"^\| `(inboxkeeper_\w+)` \| (\w+) \|([^|]*)\| \S", GUIDE, re.MULTILINE)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert told == figures()
    assert list(told) == sorted(told)


def scraped() -> set[str]:
    """Every name of a series, those of histograms in all their forms."""
    found = set()
    for name, (kind, _) in figures().items():
        found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return found


@pytest.mark.parametrize("file", [RULES, DASHBOARD], ids=["alerts", "dashboard"])
def test_what_is_delivered_names_figures_that_exist(file: Path) -> None:
    """A renamed figure would leave an alert that never fires."""
    named = set(NAMED.findall(file.read_text(encoding="utf-8")))
    assert named and named <= scraped()


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    """A line in the guide each, and none for an alert that is gone."""
    [group] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = [rule["alert"] for rule in group["rules"]]
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in group["rules"])
    assert re.findall(r"^\| (Inboxkeeper\w+) \|", GUIDE, re.MULTILINE) == alerts


@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="there is no promtool (Debian: prometheus)",
)
def test_prometheus_takes_the_alerts() -> None:
    """By its own tool."""
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)


def test_the_dashboard_is_whole() -> None:
    """Every panel has a place and a question; none hides another."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    per_second = {panel["title"] for panel in panels if panel["fieldConfig"]["defaults"]["unit"] == "ops"}
    rates = {panel["title"] for panel in panels if any("rate(" in it["expr"] for it in panel["targets"])}
    assert per_second <= rates


def test_figures_say_nothing_twice() -> None:
    """No ``_created`` beside each counter; the version is there from the start."""
    metrics = Metrics.build()
    metrics.ack("command", 0.02)
    metrics.slack_call("auth.test", "ok")
    said = metrics.exposition().decode()
    assert "_created" not in said
    assert f'version="{VERSION}"' in said
    assert 'inboxkeeper_ack_seconds_bucket{kind="command",le="0.025"} 1.0' in said


async def test_a_loop_that_is_kept_waiting_shows() -> None:
    """What a wait took longer than asked; never less than nothing."""
    at, seen = 0.0, list[float]()
    takes = iter([1.0, 1.25, 0.5])

    class Enough(Exception):
        pass

    async def pause(_: float) -> None:
        nonlocal at
        taken = next(takes, None)
        if taken is None:
            raise Enough
        at += taken

    with pytest.raises(Enough):
        await measure_lag(seen.append, pause=pause, now=lambda: at)
    assert seen == [0.0, 0.25, 0.0]


class Listening:
    """A service that waits for signs of life, and a bot that may be well or not."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.now = datetime(2026, 11, 28, tzinfo=UTC)
        self.heard = 0
        self.is_well = True
        self.status = 200
        self.counted: list[str] = []
        self.ping = SignOfLife(
            Secret(url),
            session=session,
            clock=lambda: self.now,
            is_well=self._well,
            count=self.counted.append,
        )

    async def _well(self) -> bool:
        return self.is_well

    async def answer(self, _: web.Request) -> web.Response:
        self.heard += 1
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    async def passes(self, **span: float) -> None:
        self.now += timedelta(**span)
        assert await self.ping.run_due() == 0


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    made: list[Listening] = []

    async def answer(request: web.Request) -> web.Response:
        return await made[0].answer(request)

    app = web.Application()
    app.router.add_get("/ping/s3cret", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        made.append(Listening(session, str(server.make_url("/ping/s3cret"))))
        yield made[0]


async def test_a_sign_of_life_each_minute(listening: Listening) -> None:
    """No more often, and none while something is wrong."""
    await listening.passes()
    await listening.passes(seconds=59)
    assert listening.heard == 1
    await listening.passes(seconds=1)
    assert listening.heard == 2
    listening.is_well = False
    await listening.passes(minutes=1)
    assert listening.heard == 2
    listening.is_well = True
    await listening.passes(minutes=1)
    assert listening.heard == 3
    assert listening.counted == ["sent", "sent", "withheld", "sent"]


async def test_what_the_service_answers_is_no_trouble_of_ours(listening: Listening, log: io.StringIO) -> None:
    """An error of its own is counted and said once; its address, which is a secret, never."""
    listening.status = 500
    await listening.passes()
    await listening.passes(minutes=1)
    assert listening.counted == ["failed", "failed"]
    said = log.getvalue()
    assert said.count("cannot be reached") == 1 and "s3cret" not in said and "127.0.0.1" not in said
    listening.status = 302
    await listening.passes(minutes=1)
    assert listening.counted[-1] == "sent" and listening.heard == 3
