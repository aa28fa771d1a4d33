"""Scaffolds by name: the loop that turns prompt and model into work. A module here keeps protocols.Scaffold."""

from __future__ import annotations

from harness.protocols import Scaffold
from harness.scaffolds import command, nop, oracle, single_shot, tools

REGISTRY: dict[str, Scaffold] = {
    "tools": tools,
    "single-shot": single_shot,
    "command": command,
    "oracle": oracle,
    "nop": nop,
}
