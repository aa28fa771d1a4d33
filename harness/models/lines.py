"""A line between the harness and a process that sends requests for it: one message at a time each way.

Both ends are the harness's own, and a line is no file and has no address: nobody else can speak on it. So the values
are pickled, as they are when any executor carries them to another process.
"""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

SIZE = struct.Struct("!Q")
PIECE = 1 << 16


class Gone(Exception):
    """The other end is gone, or takes too long: the line is of no more use."""


class Line:
    """One end of a line."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self.held, self.seconds = end, bytearray(), 0.0

    def send(self, *message: Any) -> None:
        """Send a message. Raises Gone; the other end then has not got the whole message."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            self.end.sendall(SIZE.pack(len(data)) + data)
        except OSError as error:
            raise Gone(f"{type(error).__name__}: {error}") from error

    def receive(self) -> tuple[Any, ...]:
        """Wait for a message. Raises Gone."""
        self._fill(SIZE.size)
        (size,) = SIZE.unpack_from(self.held)
        self._fill(SIZE.size + size)
        with memoryview(self.held) as view:
            message: tuple[Any, ...] = pickle.loads(view[SIZE.size : SIZE.size + size])
        del self.held[: SIZE.size + size]
        return message

    def patience(self, seconds: float) -> None:
        """Bound how long the other end may take to say or to take something."""
        if seconds == self.seconds:
            return
        # Not the socket's own timeout, for which Python would make each call twice.
        span = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.end.setsockopt(socket.SOL_SOCKET, option, span)
        self.seconds = seconds

    def close(self) -> None:
        """Close this end."""
        self.end.close()

    def _fill(self, size: int) -> None:
        while len(self.held) < size:
            try:
                data = self.end.recv(PIECE)
            except OSError as error:  # BlockingIOError: too late
                raise Gone(f"{type(error).__name__}: {error}") from error
            if not data:
                raise Gone("it has ended")
            self.held += data
