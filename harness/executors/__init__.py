"""How trials are carried out: an executor yields a map that gives results as they end."""

from __future__ import annotations

from harness.executors.serial import serial
from harness.executors.threads import threads
from harness.protocols import Executor

REGISTRY: dict[str, Executor] = {
    "threads": threads,
    "serial": serial,
}
