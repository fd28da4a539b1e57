"""``python -m sandbox``: the demo. Prints one address; everything else happens in the browser."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import sys

_LAST_PORT = 65535


def main() -> None:
    # Until the loop listens for signals itself: an end without a traceback, whatever is being imported.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    arguments = _arguments()
    try:
        _claim(arguments.port)
        from sandbox.run import run  # noqa: PLC0415  takes a second or two

        run(arguments.port, arguments.transport, for_programs=arguments.programs)
    except OSError as error:
        sys.exit(_sentence(error, arguments.port))


def _claim(port: int) -> None:
    """Find out early whether the port can be had. Raises ``OSError``."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("localhost", port))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Try Inboxkeeper locally.")
    parser.add_argument("--port", type=_port, default=3000, help="the local Slack's port (3000)")
    parser.add_argument("--transport", choices=("socket", "http"), default="socket")
    parser.add_argument("--programs", action="store_true", help="with keys, and lines for programs to try")
    return parser.parse_args()


def _port(typed: str) -> int:
    if not typed.isascii() or not typed.isdigit() or not 0 < int(typed) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{typed!r} is no port. Next: make demo PORT=3001")
    return int(typed)


def _sentence(error: OSError, port: int) -> str:
    """What is wrong and what to do, for whoever started the demo."""
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < _LAST_PORT else 3001
        return (
            f"Port {port} is taken: another program, or another demo, uses it. Next: make demo PORT={other}"
        )
    if error.filename:
        return (
            f"{error.filename}: {error.strerror}. The demo keeps its database there. Next: make it writable."
        )
    return f"Port {port} cannot be used: {error.strerror}. Next: make demo PORT=3001"


if __name__ == "__main__":
    main()
