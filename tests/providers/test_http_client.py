"""What a provider, or whoever answers in its place, can do to the client: over either library the same."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import ProviderUnavailable
from providers.http_client import LARGEST_REPLY, HttpClient, Session, http_session, provider_session
from sandbox.imap import LocalImap

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRET: Final = "1//nobody-may-see"
QUICKLY: Final = timedelta(seconds=0.5)
PATIENTLY: Final = timedelta(seconds=10)


@pytest.fixture(params=[provider_session, http_session])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    async with request.param() as opened:
        yield opened


@asynccontextmanager
async def a_host(answer: Answering, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that reads one request's head per connection, answers as told and hangs up; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def says(said: bytes) -> Answering:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.write_eof()
        await asyncio.sleep(0)

    return answer


def a_reply(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def refused(client: HttpClient, url: str) -> ProviderUnavailable:
    """How a request fails; nothing of it may show."""
    with pytest.raises(ProviderUnavailable) as caught:
        await client.post_form(url, {"refresh_token": SECRET})
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert SECRET not in repr(error) + str(error)
    return error


async def test_a_redirect_is_an_answer(session: Session) -> None:
    """Followed, it would carry the secret to wherever it points; its cookie is forgotten."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(a_reply(b"", b"Location: /elsewhere", b"Set-Cookie: a=b", status=b"307 Go"))(
            reader, writer
        )

    async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"")
        await answer(reader, writer)

    async with a_host(watched) as port:
        client = HttpClient(session)
        for _ in range(2):
            reply = await client.post_form(f"http://127.0.0.1:{port}/token", {"refresh_token": SECRET})
            assert reply.status == 307
    assert len(seen) == 2


@pytest.mark.parametrize("zipped", [False, True])
async def test_a_reply_is_cut_off_where_it_is_too_large(session: Session, zipped: bool) -> None:
    """Also where it only becomes large by being unpacked."""
    body = b" " * (LARGEST_REPLY + 1)
    headers = [b"Content-Encoding: gzip"] if zipped else []
    said = a_reply(gzip.compress(body) if zipped else body, *headers)
    async with a_host(says(said)) as port:
        error = await refused(HttpClient(session), f"http://127.0.0.1:{port}/token")
    assert error.code == "oversized_reply"


async def test_a_reply_of_just_that_size_is_taken(session: Session) -> None:
    """And an answer that was packed is read."""
    body = b'{"a": "' + b"x" * (LARGEST_REPLY - 9) + b'"}'
    async with a_host(says(a_reply(gzip.compress(body), b"Content-Encoding: gzip"))) as port:
        reply = await HttpClient(session).get(f"http://127.0.0.1:{port}/")
    assert len(reply.body) == LARGEST_REPLY
    assert (reply.json_object() or {})["a"].startswith("x")


async def test_half_a_character_in_a_name_hides_no_answer(session: Session) -> None:
    """People's names are cut anywhere, and JSON may say so; a body that is none is still no object."""
    for body, read in (
        (b'{"name": "a\\ud83d"}', {"name": "a\ud83d"}),
        (b"{nothing", None),
        (b"[" * 9_000, None),
    ):
        async with a_host(says(a_reply(body))) as port:
            reply = await HttpClient(session).get(f"http://127.0.0.1:{port}/")
        assert reply.json_object() == read


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
async def test_a_host_that_does_not_finish_is_left(session: Session, said: bytes) -> None:
    """Whether it says nothing, stops within the head, or within the body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await reader.read()  # until the client hangs up

    async with a_host(answer) as port:
        error = await refused(HttpClient(session, timeout=QUICKLY), f"http://127.0.0.1:{port}/token")
    assert error.code == "timeout"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    ],
)
async def test_what_is_no_http_is_no_news(session: Session, said: bytes) -> None:
    """Nobody is disconnected because something between us and the provider speaks gibberish."""
    async with a_host(says(said)) as port:
        error = await refused(HttpClient(session), f"http://127.0.0.1:{port}/token")
    assert error.code == "unreachable"


async def test_nobody_there(session: Session) -> None:
    """A port that is closed."""
    async with a_host(says(b"")) as port:
        pass
    assert (await refused(HttpClient(session), f"http://127.0.0.1:{port}/")).code == "unreachable"


async def test_a_header_that_is_no_text_costs_nothing_else(session: Session) -> None:
    """What is read beside it still counts, however its name is spelt."""
    said = a_reply(
        b"{}", b"X-Name: \xe9\xff", b"retry-AFTER: 7", b"WWW-Authenticate: Bearer", status=b"429 No"
    )
    async with a_host(says(said)) as port:
        reply = await HttpClient(session).get(f"http://127.0.0.1:{port}/")
    assert (reply.status, reply.json_object()) == (429, {})
    assert reply.headers.get("Retry-After") == "7"
    assert reply.headers.get("WWW-Authenticate") == "Bearer"


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see every secret; it is the operator's to set in ways that are meant for us."""
    async with a_host(says(b"")) as closed:
        pass
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed}")
    async with a_host(says(a_reply(b"{}"))) as port, provider_session() as quick, http_session() as plain:
        for session in (quick, plain):
            assert (await HttpClient(session).get(f"http://127.0.0.1:{port}/")).status == 200


async def test_only_a_certificate_of_a_known_authority_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the system's, or of the file that the operator names; and it must be the host's own."""
    local = LocalImap("localhost")
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(local.authority.pem)
    async with a_host(says(a_reply(b"{}")), local._good) as port:
        ours, other = f"https://{local.name}:{port}/", f"https://127.0.0.1:{port}/"
        async with provider_session() as stranger:
            assert (await refused(HttpClient(stranger), ours)).code == "unreachable"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        async with provider_session() as told:
            assert (await HttpClient(told).get(ours)).status == 200
            assert (await refused(HttpClient(told), other)).code == "unreachable"


async def test_who_is_cancelled_leaves_nothing_behind(session: Session) -> None:
    """The next request goes out as if nothing had been."""
    reached = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not reached.is_set():
            reached.set()
            await reader.read()
        await says(a_reply(b"{}"))(reader, writer)

    async with a_host(answer) as port:
        client = HttpClient(session, timeout=PATIENTLY)
        first = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await reached.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await client.get(f"http://127.0.0.1:{port}/")).status == 200
