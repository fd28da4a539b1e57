"""The ways to run it that are delivered as files: what can be known of them without running them here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import PREFIX, Settings
from bot.program import VERSION

DEPLOY = Path(__file__).parents[1] / "deploy"
UNIT = DEPLOY / "systemd/inboxkeeper.service"
CONTAINERFILE = DEPLOY / "container/Containerfile"
COMPOSE = DEPLOY / "container/compose.yaml"
CLUSTER = DEPLOY / "kubernetes/inboxkeeper.yaml"
USER = 10001


def test_every_setting_that_they_name_exists() -> None:
    """A misspelt one would keep the bot from starting."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for file in (UNIT, CONTAINERFILE, COMPOSE, CLUSTER):
        assert set(re.findall(r"INBOXKEEPER_[A-Z_]+", file.read_text(encoding="utf-8"))) <= known, file


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and not os.environ.get("CI"), reason="there is no systemd-analyze"
)
def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    """Only the program itself is missing here."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/inboxkeeper/bin/inboxkeeper", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit],
        capture_output=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout


def test_the_image_holds_what_the_wheel_needs_and_runs_as_nobody() -> None:
    """Every folder of the product is copied before it is built; the process has a user of its own."""
    text = CONTAINERFILE.read_text()
    for folder in ("bot", "handlers", "providers", "storage", "locales"):
        assert f"COPY {folder} {folder}\n" in text
    assert f"USER {USER}:{USER}\n" in text and "--require-hashes" in text


def test_the_image_is_asked_for_its_health_where_it_answers() -> None:
    """At the port that tells, wherever that is: the pages' port and path may be set to something else."""
    text = CONTAINERFILE.read_text()
    [asked] = re.findall(r"^HEALTHCHECK .*\\\n    CMD (\[.+\])$", text, re.MULTILINE)
    _, _, program = json.loads(asked)
    compile(program, "HEALTHCHECK", "exec")
    assert "INBOXKEEPER_WATCH_PORT" in program and "/healthz" in program
    assert "INBOXKEEPER_WATCH_PORT=" in text
    assert "podman build --format docker" in text  # its own format drops a health check


def test_compose_starts_two_bots_that_nothing_can_be_written_in() -> None:
    """On PostgreSQL, which nothing outside reaches; only the proxy has ports."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    bots = [services[name] for name in ("bot-1", "bot-2")]
    for bot in bots:
        assert bot["read_only"] and bot["cap_drop"] == ["ALL"]
        assert bot["environment"]["INBOXKEEPER_DATABASE_URL"].startswith("postgresql://")
        assert bot["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    caddy = (COMPOSE.parent / "Caddyfile").read_text()
    assert "reverse_proxy bot-1:8080 bot-2:8080" in caddy and "health_uri /healthz" in caddy


def cluster() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all(CLUSTER.read_text())}


def test_the_cluster_keeps_two_replicas_and_asks_each_whether_it_is_ready() -> None:
    """One may go at a time; probes ask at the port that tells; nothing may be written or gained."""
    things = cluster()
    assert set(things) == {"Deployment", "Service", "PodDisruptionBudget"}
    deployment = things["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["replicas"] == 2 and deployment["selector"]["matchLabels"] == labels
    assert things["Service"]["spec"]["selector"] == labels
    budget = things["PodDisruptionBudget"]["spec"]
    assert (budget["minAvailable"], budget["selector"]["matchLabels"]) == (1, labels)
    pod = deployment["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == USER and pod["securityContext"]["runAsNonRoot"]
    [container] = pod["containers"]
    assert container["image"].endswith(f":{VERSION}")
    assert container["securityContext"]["readOnlyRootFilesystem"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    given = {one["name"]: one["value"] for one in container["env"]}
    assert given["INBOXKEEPER_WATCH_PORT"] == str(ports["watch"])
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {one["port"] for one in asked.values()} == {"watch"}
    assert asked["readinessProbe"]["path"] == "/readyz" and asked["livenessProbe"]["path"] == "/healthz"
