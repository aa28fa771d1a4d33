"""No connection leaves this machine: for the process of the tests, and for those that send requests for it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

REFUSED = "HARNESS_TEST_REFUSED"  # the variable that names the file of refused addresses, which processes share


class LeavesTheMachine(ConnectionRefusedError):
    """A test tried to connect to another machine."""


def install(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Refuse every connection of this process beyond the loopback. `put` sets an attribute."""
    for method in ("connect", "connect_ex"):
        put(socket.socket, method, _guarded(getattr(socket.socket, method)))


def taken() -> list[str]:
    """The addresses that were refused since the last call, in all processes."""
    path = Path(os.environ[REFUSED])
    found = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def is_local(address: Any) -> bool:
    """Whether a socket address is a path, or an IP address of the loopback."""
    if not isinstance(address, tuple):
        return True
    try:
        return ipaddress.ip_address(address[0].split("%")[0]).is_loopback
    except ValueError:
        return address[0] in ("localhost", "")


def _guarded(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if not is_local(address):
            with Path(os.environ[REFUSED]).open("a") as file:
                file.write(f"{address[0]}:{address[1]}\n")
            raise LeavesTheMachine(f"a test tried to connect to {address}; tests use the loopback only")
        return original(self, address)

    return connect
