#!/usr/bin/env python3
"""``inboxkeeper-token``: prints an access token of a connected mailbox, for mail programs that run a command.

The one rule: standard output is the token and one newline, or nothing at all; some programs send whatever
they read there as the token, and never look at the status. What went wrong is one line on standard error.

It needs nothing but Python and imports nothing of the bot: this file alone can be copied to where the mail
program runs. The key comes from a file that only its owner can read, or from the environment, never from an
argument, which everybody on the machine can see.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import ssl
import stat
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

WITHIN = 12.0
"""Seconds that each step of the answer may take."""
LEAST_LIFE = 900
"""Seconds: mail servers refuse a token that ends soon."""
TRY_AGAIN, NOT_ALLOWED, NOT_SET_UP, UNAVAILABLE = 75, 77, 78, 69
"""Statuses as ``sysexits.h`` names them: tempfail, noperm, config, unavailable."""
_MOST_BYTES = 256 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]{1,20000}")
_STATUS = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_ALLOWED, 424: UNAVAILABLE, 409: UNAVAILABLE}
_LOCAL = {"localhost", "127.0.0.1", "::1"}

_HELP = """\
Prints an access token of a mailbox that Inboxkeeper keeps connected.

IK_URL       where Inboxkeeper is, like https://inboxkeeper.example.com (or --url)
IK_KEY_FILE  a file that holds the key, readable by its owner alone (or --key-file)
IK_KEY       the key itself, instead of a file
"""


class Failed(Exception):
    """No token. Its text is for people, and holds nothing secret."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


def main() -> NoReturn:
    """The command."""
    try:
        told = _told(_arguments(sys.argv[1:]))
        sys.stdout.write(told)
        sys.stdout.flush()
    except Failed as failed:
        _say(str(failed))
        _end(failed.status)
    except KeyboardInterrupt:
        _end(130)
    except OSError:  # nobody reads it any more
        _end(1)
    _end(0)


def _end(status: int) -> NoReturn:
    """At once: taking the interpreter down in order costs as much as a third of all the rest."""
    os._exit(status)


def _say(words: str) -> None:
    plain = "".join(one if one.isprintable() else " " for one in words)
    try:
        sys.stderr.write(f"inboxkeeper-token: {plain}\n")
        sys.stderr.flush()
    except OSError:
        return


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Its own message would repeat what was typed, which may be a key.
        raise Failed("Usage: inboxkeeper-token [--for imap|smtp|gmail|graph] ADDRESS (--help says more).", 64)


def _arguments(given: list[str]) -> argparse.Namespace:
    if any("ik_" in one and len(one) > 40 for one in given):
        words = "A key must not be an argument: everybody on this machine can read it."
        raise Failed(f"{words} Revoke it, and put another one into a file (IK_KEY_FILE).", NOT_SET_UP)
    parser = _Parser(
        prog="inboxkeeper-token",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("address")
    parser.add_argument("--for", dest="audience", default="imap", choices=("imap", "smtp", "gmail", "graph"))
    parser.add_argument("--url", default=os.environ.get("IK_URL", ""))
    parser.add_argument("--key-file", default=os.environ.get("IK_KEY_FILE", ""))
    parser.add_argument("--json", action="store_true", help="the token's end and user, too, as JSON")
    return parser.parse_args(given)


def _told(wanted: argparse.Namespace) -> str:
    status, answer = _asked(wanted, _key(wanted.key_file))
    if status != 200:
        raise _refused(status, answer)
    token, life = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not isinstance(life, int):
        raise Failed("What answered is not Inboxkeeper. Check IK_URL.", NOT_SET_UP)
    if life < LEAST_LIFE:
        raise Failed("The token that came has too little life left. Try again in a minute.", TRY_AGAIN)
    if not wanted.json:
        return f"{token}\n"
    more = {name: answer.get(name) for name in ("expires_at", "user")}
    return json.dumps({"version": 1, "access_token": token, **more}) + "\n"


def _key(file: str) -> str:
    key = _from_file(Path(file)) if file else os.environ.get("IK_KEY", "")
    key = key.strip()
    if not key:
        raise Failed("There is no key. Name its file in IK_KEY_FILE.", NOT_SET_UP)
    if not re.fullmatch(r"ik_[\w-]{20,200}", key, re.ASCII):
        raise Failed("What stands where the key should be is none.", NOT_SET_UP)
    return key


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise Failed(f"Others can read the key in {file}. Next: chmod 600 {file}", NOT_SET_UP)
            return opened.read(4_096).decode("ascii", "replace")
    except OSError as error:
        raise Failed(f"The key's file {file} cannot be read: {error.strerror}.", NOT_SET_UP) from None


def _asked(wanted: argparse.Namespace, key: str) -> tuple[int, dict[str, Any]]:
    connection, root = _connection(wanted.url)
    path = f"{root}/api/v1/channels/{quote(wanted.address, safe='@')}/token"
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    try:
        body = json.dumps({"audience": wanted.audience, "min_ttl": LEAST_LIFE})
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        raw = reply.read(_MOST_BYTES)
    except ssl.SSLError as error:
        raise Failed(f"Inboxkeeper's certificate is not trusted here ({error.reason}).", NOT_SET_UP) from None
    except TimeoutError:
        raise Failed("Inboxkeeper did not answer in time. Try again later.", TRY_AGAIN) from None
    except (OSError, HTTPException, ValueError):  # their texts may hold what was sent
        raise Failed("Inboxkeeper cannot be reached. Try again later, or check IK_URL.", TRY_AGAIN) from None
    finally:
        connection.close()
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    return reply.status, answer if isinstance(answer, dict) else {}


def _connection(url: str) -> tuple[HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in {"http", "https"}:
        raise Failed("Where is Inboxkeeper? Set IK_URL, like https://inboxkeeper.example.com.", NOT_SET_UP)
    root = parts.path.rstrip("/")
    if parts.scheme == "https":
        return HTTPSConnection(host, port, timeout=WITHIN, context=ssl.create_default_context()), root
    if host not in _LOCAL:
        raise Failed("IK_URL must begin with https: the key would cross the network in clear.", NOT_SET_UP)
    return HTTPConnection(host, port, timeout=WITHIN), root


def _refused(status: int, answer: dict[str, Any]) -> Failed:
    words, wait = answer.get("message"), answer.get("retry_after")
    if not isinstance(words, str):
        passes = status >= 500 or status == 429
        step = "Try again later." if passes else "Check IK_URL."
        return Failed(f"Inboxkeeper answered {status}. {step}", TRY_AGAIN if passes else NOT_SET_UP)
    words = words[:300]
    if isinstance(wait, int):
        return Failed(f"{words} Try again in {wait} s.", TRY_AGAIN)
    return Failed(words, _STATUS.get(status, NOT_SET_UP))


if __name__ == "__main__":
    main()
