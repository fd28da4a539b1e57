"""What is given to others: the wheel, installed into an environment that knows nothing of this checkout, and
run as a stranger would.

The libraries are those that the tests run with, lent by path: a test fetches nothing.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import aiohttp
import pytest

from bot.program import VERSION
from sandbox.clock import SandboxClock
from sandbox.demo import Place, town
from tests.driver import Driver
from tests.e2e.test_killed import QUICK, connects, killed

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """An environment with Inboxkeeper in it, and a folder to run it in."""

    folder: Path

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bin" / "inboxkeeper", *command],
            cwd=self.work,
            env=settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def work(self) -> Path:
        return self.folder / "work"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with what ``pyproject.toml`` names, and with nothing from elsewhere."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--isolated"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", str(wheel)], check=True, capture_output=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made = Installed(folder)
    made.work.mkdir()
    return made


def files(folder: str) -> Iterator[str]:
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield path.relative_to(ROOT).as_posix()


def test_the_versions_agree(wheel: Path) -> None:
    """What the program says, what is built, and what the changelog tells of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    released = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert project["version"] == VERSION == released[0]
    assert wheel.name == f"inboxkeeper-{VERSION}-py3-none-any.whl"


def test_the_wheel_holds_all_that_runs_and_nothing_else(wheel: Path) -> None:
    """Every file of the product that is in the checkout; no test, no sandbox, no tool."""
    own = {name for folder in ("bot", "handlers", "providers", "storage") for name in files(folder)}
    words = {f"bot/{name}" for name in files("locales")}
    there = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert there == own | words | {"bot/env.example"}
    licence = f"inboxkeeper-{VERSION}.dist-info/licenses/LICENSE"
    assert licence in ZipFile(wheel).namelist()


def test_the_installed_program_says_its_version_and_what_it_lacks(installed: Installed) -> None:
    """In words that name the command as it was called."""
    assert installed.run("--version").stdout == f"inboxkeeper {VERSION}\n"
    assert installed.run("settings").stdout == (ROOT / ".env.example").read_text()
    lacking = installed.run("doctor")
    assert lacking.returncode == 2
    assert "`inboxkeeper keygen`" in lacking.stderr and "python -m bot" not in lacking.stderr


async def test_the_installed_program_serves_a_click(installed: Installed, tmp_path: Path) -> None:
    """Doctor, migrate, serve, and Alice connects her inbox: in Japanese and English, from the wheel alone."""
    place = Place(database_url=f"sqlite:///{tmp_path / 'ik.db'}", settings=QUICK)
    async with town(place, SandboxClock.running()) as built, aiohttp.ClientSession() as session:
        assert built.world.listener is not None
        built.world.listener.close()
        settings = dict(built.environment)
        migrated = await asyncio.to_thread(installed.run, "migrate", **settings)
        assert migrated.stdout == "The database is up to date.\n", migrated.stderr
        driver = Driver(built.url, session)
        async with serving(installed, settings):
            await connects(built, driver)
            said = await asyncio.to_thread(installed.run, "doctor", **settings)
            assert said.returncode == 0, said.stdout + said.stderr
            kenji = driver.person("kenji")
            await kenji.types("/inbox list")
            await kenji.until(lambda seen: "受信トレイ" in seen.plain, within=30)


@asynccontextmanager
async def serving(installed: Installed, settings: Mapping[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        installed.folder / "bin" / "inboxkeeper",
        "serve",
        cwd=installed.work,
        env=dict(settings),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        await killed(process)
