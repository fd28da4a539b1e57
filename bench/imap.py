"""A look at a mailbox over IMAP, beside a bare loop and the peers that Debian has, at one Dovecot over TLS.

One rule: each logs in, looks into INBOX and leaves, as often and as many at once; what counts is the CPU of
whoever looks, which the server's share of the cores does not change.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import median
from time import process_time
from typing import Final

import aiohttp

from bench.children import cpu_of, free_port
from bench.databases import Databases
from bench.figures import REPORTED, Options, Row, judged
from tests.providers.contract import a_consent, a_grant
from tests.providers.dovecot import DOVECOT, HOST, USER, Dovecot, running

_CHECKS: Final = 150
_AT_ONCE: Final = 8
_AT_MOST: Final = 1.1
_PASSWORD: Final = "app-password-0000"
_ID: Final = 'ID ("name" "Bench" "version" "1")'
_COMMANDS: Final = (_ID, f"LOGIN {USER} {_PASSWORD}", _ID, "EXAMINE INBOX", "LOGOUT")
"""What the product sends. The peers do not say who they are."""
_STARTS_WITHIN: Final = 10
_BLACKBOX: Final = shutil.which("prometheus-blackbox-exporter")
_CHECK_IMAP: Final = shutil.which("check_imap", path="/usr/lib/nagios/plugins")
_BLACKBOX_CONFIG: Final = """
modules:
  imap:
    prober: tcp
    timeout: 10s
    tcp:
      preferred_ip_protocol: ip4
      tls: true
      tls_config: {{ca_file: {authority}, server_name: {host}}}
      query_response:
        - expect: "^\\\\* OK"
        - send: "a LOGIN {user} {password}"
        - expect: "^a OK"
        - send: "b EXAMINE INBOX"
        - expect: "^b OK"
        - send: "c LOGOUT"
"""
Check = Callable[[], Awaitable[None]]


async def measure(options: Options, databases: Databases) -> list[Row]:
    if DOVECOT is None:
        return [Row("a look over IMAP", "not run: there is no Dovecot (apt install dovecot-imapd)")]
    async with AsyncExitStack() as stack:
        dovecot = await stack.enter_async_context(running(DOVECOT))
        dovecot.has(_PASSWORD)
        peers = {"bare": _bare(dovecot), "product": await _product(dovecot)}
        cpu: dict[str, Callable[[], float]] = dict.fromkeys(peers, process_time)
        if _BLACKBOX is not None:
            peers["blackbox-exporter"], pid = await _blackbox(_BLACKBOX, dovecot, stack)
            cpu["blackbox-exporter"] = lambda: cpu_of(pid)
        if _CHECK_IMAP is not None:
            peers["check_imap"], cpu["check_imap"] = _check_imap(_CHECK_IMAP, dovecot), _of_children
        taken: dict[str, list[float]] = defaultdict(list)
        for _ in range(options.runs):
            for name, check in peers.items():
                taken[name].append(await _milliseconds(check, cpu[name]))
    return _rows(taken)


def _rows(taken: dict[str, list[float]]) -> list[Row]:
    """Neighbours on the machine change from run to run: each run is compared with its own floor."""
    rows, floor = [], f"bare asyncio loop: {median(taken['bare']):.2f} ms"
    for name in ("product", "blackbox-exporter", "check_imap"):
        if name not in taken:
            rows.append(Row(f"the same, {name}", "not run: Debian's package is not installed"))
            continue
        ratio = median(mine / bare for mine, bare in zip(taken[name], taken["bare"], strict=True))
        is_ours = name == "product"
        rows.append(
            Row(
                "a look over IMAP and TLS" if is_ours else f"the same, {name}",
                f"{median(taken[name]):.2f} ms of CPU",
                f"≤ {_AT_MOST} ×" if is_ours else "—",
                judged(ratio <= _AT_MOST) if is_ours else REPORTED,
                floor=floor,
                ratio=f"{ratio:.2f} ×",
            )
        )
    return rows


async def _milliseconds(check: Check, cpu: Callable[[], float]) -> float:
    """For one look."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with gate:
            await check()

    before = cpu()
    await asyncio.gather(*(one() for _ in range(_CHECKS)))
    return (cpu() - before) / _CHECKS * 1000


def _bare(dovecot: Dovecot) -> Check:
    context = ssl.create_default_context(cafile=str(dovecot.folder / "ca.pem"))

    async def check() -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", dovecot.tls, ssl=context, server_hostname=HOST
        )
        await reader.readline()
        for tag, command in enumerate(_COMMANDS):
            writer.write(f"a{tag} {command}\r\n".encode())
            while not (line := await reader.readline()).startswith(f"a{tag} ".encode()):
                pass
            assert line.startswith(f"a{tag} OK".encode()), line
        writer.transport.abort()

    return check


async def _product(dovecot: Dovecot) -> Check:
    provider = dovecot.provider
    grant = a_grant(await provider.redeem(a_consent(USER), dovecot.form(_PASSWORD)))

    async def check() -> None:
        await provider.probe(grant, await provider.refresh(grant))

    return check


async def _blackbox(program: str, dovecot: Dovecot, stack: AsyncExitStack) -> tuple[Check, int]:
    """As its own process; and which one that is."""
    config, port = dovecot.folder / "blackbox.yml", free_port()
    authority = dovecot.folder / "ca.pem"
    config.write_text(_BLACKBOX_CONFIG.format(authority=authority, host=HOST, user=USER, password=_PASSWORD))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=quiet,
        stderr=quiet,
    )
    stack.callback(process.kill)
    url = f"http://127.0.0.1:{port}/probe?module=imap&target=127.0.0.1:{dovecot.tls}"

    async def check() -> None:
        async with session.get(url) as answer:
            assert "\nprobe_success 1\n" in await answer.text()

    async with asyncio.timeout(_STARTS_WITHIN):
        while True:
            try:
                await check()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
            else:
                return check, process.pid


def _check_imap(program: str, dovecot: Dovecot) -> Check:
    """It sends one line alone, and verifies no certificate."""

    async def check() -> None:
        login = f"a LOGIN {USER} {_PASSWORD}\r\n"
        process = await asyncio.create_subprocess_exec(
            *(program, "-H", "127.0.0.1", "-p", str(dovecot.tls), "-S", "-s", login, "-e", "a OK"),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said

    return check


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
