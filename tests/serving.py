"""The part of a test's server that is the same for all: one visitor after another."""

from __future__ import annotations

import socket
from collections.abc import Callable


def serve_each(listener: socket.socket, serve: Callable[[socket.socket], object]) -> None:
    """Do `serve` with each connection, one after another, until the listening socket is shut down."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            serve(connection)
