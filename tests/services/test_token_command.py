"""The command that mail programs run: what it prints, and that it prints nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.play import Play
from tests.services.test_token_broker import SUPPORT, Program, connected, play, program

__all__ = ["play"]
COMMAND = Path(__file__).parents[2] / "bot" / "token_command.py"


@dataclass
class Said:
    status: int
    out: str
    err: str


async def run(*args: str, **env: str) -> Said:
    """From its file alone, as on another machine, with nothing in the environment but ``env``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(COMMAND), *args),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


def at(desk: Program, key: str | None = None) -> dict[str, str]:
    return {"IK_URL": desk.play.services.core.policy.base_url, "IK_KEY": desk.secret if key is None else key}


def failed(said: Said, status: int, *words: str) -> None:
    """One line for people, and nothing where the token would stand."""
    assert (said.status, said.out) == (status, ""), said.err
    assert said.err.startswith("inboxkeeper-token: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    for word in words:
        assert word in said.err
    assert "Traceback" not in said.err


async def test_it_prints_the_token_and_one_newline(play: Play, tmp_path: Path) -> None:
    """And is silent otherwise; the key comes from the environment or a file of its owner's alone."""
    _, desk = await connected(play)
    token = (await desk.asks())[1]["access_token"]
    assert await run(SUPPORT, **at(desk)) == Said(0, f"{token}\n", "")
    assert await run("--for", "smtp", SUPPORT, **at(desk)) == Said(0, f"{token}\n", "")
    file = tmp_path / "key"
    file.write_text(f"{desk.secret}\n")
    file.chmod(0o600)
    url = at(desk)["IK_URL"]
    assert await run(SUPPORT, "--key-file", str(file), IK_URL=url) == Said(0, f"{token}\n", "")
    file.chmod(0o640)
    failed(await run(SUPPORT, IK_KEY_FILE=str(file), IK_URL=url), 78, f"chmod 600 {file}")
    told = json.loads((await run(SUPPORT, "--json", **at(desk))).out)
    assert (told["version"], told["access_token"], told["user"]) == (1, token, SUPPORT)
    assert told["expires_at"].endswith("Z")


async def test_what_fails_is_on_standard_error_alone(play: Play, tmp_path: Path) -> None:
    """With the words that say whether it is worth waiting, and never the key."""
    support, desk = await connected(play)
    wrong = await run(SUPPORT, **at(desk, desk.secret[:-6] + "aaaaaa"))
    failed(wrong, 77, "This key does not work")
    failed(await run("nobody@acme.example", **at(desk)), 77, "no such mailbox")
    failed(await run(SUPPORT, **at(desk, "")), 78, "no key")
    failed(await run(SUPPORT, **at(desk, "hello")), 78, "is none")
    failed(await run(SUPPORT, IK_KEY=desk.secret), 78, "IK_URL")
    failed(await run(SUPPORT, IK_KEY=desk.secret, IK_URL="http://bot.example.com"), 78, "https")
    failed(await run(SUPPORT, IK_KEY=desk.secret, IK_URL="http://127.0.0.1:9"), 75, "Try again")
    failed(await run(SUPPORT, IK_KEY=desk.secret, IK_URL="http://127.0.0.1:x"), 78, "IK_URL")
    failed(
        await run(SUPPORT, IK_URL=at(desk)["IK_URL"], IK_KEY_FILE=str(tmp_path / "none")),
        78,
        "cannot be read",
    )
    failed(await run("--for", "pop", SUPPORT, **at(desk)), 64, "Usage")
    argument = await run(desk.secret, **at(desk))
    failed(argument, 78, "must not be an argument")
    assert desk.secret not in argument.err + wrong.err
    sender = await program(play, features=["send"])
    failed(await run(SUPPORT, **at(sender)), 77, "may not be used for that")
    play.google.break_down("revoked", SUPPORT)
    await play.passes(minutes=20)
    failed(await run(SUPPORT, **at(desk)), 69, "disconnected", "does not help")
    await play.disable("omar", support)
    failed(await run(SUPPORT, **at(desk)), 69, "switched off on purpose")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "not Inboxkeeper"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\n<p/>", "answered 502"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "a b", "expires_in": 3600}', "not Inboxkeeper"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "ab\\r\\n", "expires_in": 3600}', "not Inboxkeeper"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "ab", "expires_in": 800}', "too little life"),
        (b'HTTP/1.1 503 No\r\n\r\n{"message": "a\\nb", "retry_after": 5}', "a b Try again in 5 s."),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 20_000, "not Inboxkeeper"),
    ],
)
async def test_whatever_answers_it_prints_no_doubtful_token(answer: bytes, words: str) -> None:
    """A proxy, another server, half an answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        said = await run(SUPPORT, IK_URL=url, IK_KEY="ik_abcdefgh_" + "a" * 49)
    failed(said, said.status, words)
    assert said.status != 0


def test_it_imports_little() -> None:
    """It is run for each mail: nothing of the bot, and nothing that takes long to load."""
    text = COMMAND.read_text()
    assert os.access(COMMAND, os.X_OK)
    for heavy in ("asyncio", "urllib.request", "aiohttp", "bot.", "dataclasses", "typer"):
        assert f"import {heavy}" not in text
        assert f"from {heavy}" not in text
