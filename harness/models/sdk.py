"""What the models behind an SDK have in common: a client, how a request is made for it, and how it is sent once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harness.errors import ConfigError
from harness.models import retry
from harness.types import Message, Settings, Tool, Turn

Body = dict[str, Any]


def check_server(name: str, url: str | None, variable: str) -> None:
    """Raise ConfigError if the address at which a model is to be asked is none; without `url` a variable may say it."""
    found = url or os.environ.get(variable)
    if found and not _is_address(found):
        where = "`base_url`" if url else variable
        raise ConfigError(
            f"{name}: {where} is no address of a server: {found!r}; it looks like http://127.0.0.1:8000/v1"
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False


def check_key(name: str, key: str | None, variable: str) -> None:
    """Raise ConfigError for a key that cannot be sent in a header; the key itself is not told."""
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"{name}: {variable} holds a space, a line end or another character that no key has")


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
