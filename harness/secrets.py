"""Takes secrets out of a text before it is raised, logged, written or shown.

Secrets are the values of environment variables whose names look like it, what an Authorization header carries, the
password in a URL, and strings that have the shape of a provider's key.

`redacted` takes all of them out: of messages, endings, addresses, tracebacks. `unkeyed` takes the first kind alone, for
what a model says and is told, for logs and verdicts: there a header or a URL with a password is mostly the task's own,
and an agent that reads `[secret]` where its program has something else would write it into the program.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

MASK = "[secret]"
SHORTEST = 8  # characters; a shorter value would be found in any text
NAME = re.compile(r"key|token|secret|passw|pwd|credential|(?:^|_)(?:pass|auth|pat)(?:_|$)", re.IGNORECASE)
# No pattern has two ways to match the same text, so each is linear in it.
# Possessive, so that a scheme alone (what it carried is gone already) is not taken for the secret.
HEADER = re.compile(
    r"""(\b(?:(?:proxy-)?authorization|api-key)(?:["']\s*[:=,]|\s*[:=])\s*(?:b(?=["']))?+["']?+"""
    r"""(?:(?:bearer|basic|token)\s+)?+)[^\s"',;\[\]{}()]+""",
    re.IGNORECASE,
)
BEARER = re.compile(r"\b(bearer\s+)[\w.~+/=-]{16,}", re.IGNORECASE)
SHAPED = re.compile(r"\b(?:sk|pk|rk)-[\w-]{16,}")
PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+@")
# Words (`postgres`), numbers, paths and addresses without a password: whatever the variable is called, such a value
# stands in any program, and taking it out of one would break the program.
ORDINARY = re.compile(r"[A-Za-z_-]{1,20}|[\d.,:_-]+|(?:\w+:/)?[/~.][^@]*")


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return `text` with `[secret]` in the place of every secret; `environment` is the process's own when left out."""
    text = without(text, values(os.environ if environment is None else environment))
    text = HEADER.sub(rf"\1{MASK}", text)
    text = BEARER.sub(rf"\1{MASK}", text)
    return PASSWORD.sub(rf"\1{MASK}@", SHAPED.sub(MASK, text))


def values(environment: Mapping[str, str]) -> list[str]:
    """Return the values of the variables that hold secrets; those shorter than eight characters are none."""
    named = [environment[name] for name in environment if _telling(name)]  # os.environ decodes each value that is read
    return [value for value in named if len(value) >= SHORTEST]


@lru_cache(4096)
def _telling(name: str) -> bool:
    return NAME.search(name) is not None


def without(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without certain values, as they are or as JSON or a URL writes them; the longest goes first."""
    return _masked(text, _forms(secrets))


def _forms(secrets: Iterable[str]) -> list[str]:
    forms = {form for value in secrets for form in (value, json.dumps(value)[1:-1], quote(value, safe=""))}
    return sorted(forms, key=len, reverse=True)


def _masked(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, MASK)
    return text


def hidden(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return what `unkeyed` takes out: the secrets of the environment, as they are or as JSON or a URL writes them.

    Values of variables that are ordinary words, numbers or paths are none: see ORDINARY.
    """
    found = values(os.environ if environment is None else environment)
    return tuple(_forms(secret for secret in found if not ORDINARY.fullmatch(secret)))


def unkeyed(value: Any, environment: Mapping[str, str] | None = None) -> Any:
    """Return a JSON value without the secrets of the environment; the very same value when it holds none."""
    return masked(value, hidden(environment))


def masked(value: Any, forms: Sequence[str]) -> Any:
    """Return a JSON value without what `hidden` returned; the very same value when it holds nothing of it."""
    if not _may_hold(value, forms):
        return value
    changed = throughout(value, partial(_masked, forms=forms))
    return value if changed == value else changed


def _may_hold(value: Any, forms: Sequence[str]) -> bool:
    """Whether a form stands in a JSON value: in one text of it all, which is made faster than each part is read."""
    if not forms:
        return False
    text = json.dumps(value)
    return any(json.dumps(form)[1:-1] in text for form in forms)


def throughout(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value in which every text, names included, is what `change` makes of it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {throughout(name, change): throughout(inner, change) for name, inner in value.items()}
    return [throughout(inner, change) for inner in value] if isinstance(value, list | tuple) else value
