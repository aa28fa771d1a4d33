"""What the models behind an SDK have in common: a client, how a request is made for it, and how it is sent once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.models import retry
from harness.types import Message, Settings, Tool, Turn

Body = dict[str, Any]


@dataclass(eq=False)
class SdkModel:
    """A model and the client that reaches it; keeps protocols.Model.

    `request` makes a body of (id, settings, messages, tools); `attempt` sends a body once, told which attempt it is,
    and raises AttemptFailed. `remedy` says what to do about a refused key.
    """

    name: str
    id: str
    client: Any
    settings: Settings
    request: Callable[[str, Settings, Sequence[Message], Sequence[Tool]], Body]
    attempt: Callable[[SdkModel, Body, int], Turn]
    remedy: str
    policy: retry.RetryPolicy = retry.DEFAULT
    is_llm: bool = True

    def complete(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Turn:
        """Ask for one turn, retries included. Raises ProviderError."""
        body = self.request(self.id, self.settings, messages, tools)
        return retry.whole_turn(partial(self.attempt, self, body), self.policy, self.name, self.remedy)
