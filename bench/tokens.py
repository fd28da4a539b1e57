"""How long programs wait for an access token: the real bot, beside a bare handler that does the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import update

from bench.children import Serving, announced, cpu_of, environment, free_port, serving, the_bot
from bench.databases import KEY, KINDS, QUIET, WORKSPACE, Databases, add_owner, fill, opened
from bench.figures import Latency, Options, Row, judged, typical
from bench.hammer import hammer_each
from bot.domain.features import Feature, Features, Wording
from bot.domain.grant import Secret
from bot.domain.ids import WorkspaceId
from bot.services.connections.api_keys import ApiKeys, KeySpec
from storage.tables import access_token, channel, grant

MAILBOXES: Final = 256
KEYS: Final = 64
"""A key may ask 600 times a minute."""
AT_ONCE: Final = 32
_P99_MS: Final = 50.0
SCOPE: Final = "https://mail.google.com/"
_FILE: Final = f"""
[mail]
on = true
name.en = "Mail"
reason.en = "to log in"
scopes.google = ["{SCOPE}"]
"""
Runs = dict[tuple[str, str], list[Latency]]


async def measure(options: Options, databases: Databases) -> list[Row]:
    runs: Runs = defaultdict(list)
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(announced("bench.outside"))
        file = Path(stack.enter_context(TemporaryDirectory())) / "features.toml"
        file.write_text(_FILE)
        for kind in KINDS:
            serve, urls, asked = {}, {}, {}
            for name in ("bare", "bot"):
                url = urls[name] = databases.fresh(kind)
                asked[name] = await _prepare(url)
            serve["bare"] = await stack.enter_async_context(
                serving(
                    "bench.token_floor",
                    *(urls["bare"], f"http://127.0.0.1:{outside}/token"),
                    environment={"BENCH_KEY": KEY},
                )
            )
            port = free_port()
            settings = environment(urls["bot"], outside=outside, port=port)
            settings |= {"INBOXKEEPER_API": "true", "INBOXKEEPER_FEATURES_FILE": str(file)}
            bot = await stack.enter_async_context(the_bot(settings, port))
            serve["bot"] = Serving(port, bot.pid)
            for _ in range(options.runs):
                for name, it in serve.items():
                    await _forget(urls[name])
                    runs[f"{kind}, {name}", "refresh"].append(await _hammered(it, asked[name], seconds=0.0))
                for name, it in serve.items():
                    took = await _hammered(it, asked[name], seconds=options.seconds)
                    runs[f"{kind}, {name}", "kept"].append(took)
    return [_row(runs, kind, how) for kind in KINDS for how in ("kept", "refresh")]


async def _hammered(it: Serving, asked: Sequence[bytes], *, seconds: float) -> Latency:
    before = cpu_of(it.pid)
    took = await hammer_each(it.port, asked, at_once=AT_ONCE, seconds=seconds)
    return replace(took, cpu=(cpu_of(it.pid) - before) * 1000 / took.count)


async def _prepare(url: str) -> list[bytes]:
    """Connected team addresses that are not due, keys, and a request for each address."""
    now = datetime.now(UTC)
    feature = Feature("mail", Wording("Mail"), Wording("to log in"), {"google": frozenset({SCOPE})})
    async with opened(url) as storage:
        await add_owner(storage, now)
        await fill(storage, MAILBOXES, now=now, due=QUIET)
        async with storage.writing() as uow:
            await uow.connection.count(update(channel).values(kind="team", owner_id=None))
            await uow.connection.count(update(grant).values(scopes=SCOPE))
            await uow.commit()
        keys = ApiKeys(storage, clock=lambda: datetime.now(UTC), features=Features((feature,)))
        spec = KeySpec("Bench", is_for_team=True, features=["mail"], created_by="bench")
        made = [(await keys.create(WorkspaceId(WORKSPACE), spec))[1] for _ in range(KEYS)]
    return [_request(made[number % KEYS], f"person{number}@acme.example") for number in range(MAILBOXES)]


def _request(key: Secret, address: str) -> bytes:
    body = json.dumps({"audience": "imap"}).encode()
    head = (
        f"POST /api/v1/channels/{address}/token HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key.reveal()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _forget(url: str) -> None:
    """Nothing is kept: each mailbox's next program causes a refresh."""
    async with opened(url) as storage, storage.writing() as uow:
        await uow.connection.count(access_token.delete())
        await uow.commit()


def _row(runs: Runs, kind: str, how: str) -> Row:
    floor, got = typical(runs[f"{kind}, bare", how]), typical(runs[f"{kind}, bot", how])
    most = 1.5 if how == "kept" else 2.0
    is_quick = how == "refresh" or got.p99 < _P99_MS
    return Row(
        f"a token, {'kept' if how == 'kept' else 'with a refresh'}, {kind}, c = {AT_ONCE}",
        f"{got}, {_rate(got)}",
        f"p50 ≤ {most} ×" + (f", p99 < {_P99_MS:.0f} ms" if how == "kept" else ""),
        judged(got.p50 / floor.p50 <= most and is_quick),
        floor=f"{floor}, {_rate(floor)}",
        ratio=f"{got.p50 / floor.p50:.2f} ×, CPU {got.cpu / floor.cpu:.2f} ×",
    )


def _rate(took: Latency) -> str:
    return f"{took.per_second:.0f}/s, {took.cpu:.2f} ms of CPU"
