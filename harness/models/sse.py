"""Server-sent events of a streamed answer as JSON objects, read from the response that an SDK returned.

The SDKs' own iterators build a typed object of each event, which costs several times what all the rest of a request
does, and pass over what they do not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

KIND = "text/event-stream"
DONE = "[DONE]"


class Garbled(ValueError):
    """What came is no stream of events that each hold a JSON object."""


class Pieces(list[str]):
    """A text that is still coming; joining it at each piece would take time with the square of its length."""


def extend(target: dict[str, Any], key: str, piece: str) -> None:
    """Add a piece to the text at `key`, which `retry.scrubbed` joins at the end."""
    held = target.get(key)
    if not isinstance(held, Pieces):
        held = target[key] = Pieces([held] if isinstance(held, str) else [])
    held.append(piece)


def check(headers: Any) -> None:
    """Raise Garbled when a response says that it is something else, or is packed: it was asked to be neither."""
    kind = headers.get("content-type", KIND).partition(";")[0].strip().lower()
    if kind != KIND:
        raise Garbled(f"the answer is {kind[:100] or 'of no type'}, not {KIND}")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Garbled("the answer is compressed, which was not asked for")


def events(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield each event's object with the event's name as `type` where it has none of its own, until [DONE].

    Raises Garbled for data that is no JSON object.
    """
    name, data = "", list[str]()
    for line in lines(chunks):
        if not line:
            if data:
                text = "\n".join(data)
                if text.startswith(DONE):
                    yield {"type": DONE}
                elif name != "ping":
                    yield parsed(name, text)
            name, data = "", []
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value


def parsed(name: str, text: str) -> dict[str, Any]:
    """Return an event's object. Raises Garbled."""
    try:
        found = loads(text)
    except (ValueError, RecursionError) as error:
        raise Garbled(f"an event holds no valid JSON ({type(error).__name__}: {str(error)[:200]})") from error
    if not isinstance(found, dict):
        raise Garbled(f"an event holds a JSON {type(found).__name__}, not an object")
    return found if "type" in found or not name else {**found, "type": name}


def loads(text: str) -> Any:
    """Parse JSON that can be written again: without NaN and infinities. Raises ValueError and RecursionError."""
    return _decoder().decode(text)


@cache
def _decoder() -> json.JSONDecoder:
    """Return one decoder for all; json.loads makes a new one for each text that is not parsed as usual."""
    return json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:50]} is no number that JSON has")
    return value


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a body, without their ends. What follows the last line's end was cut off and is dropped.

    A line may come in any number of pieces; they are joined once.
    """
    pieces: list[bytes] = []
    for chunk in chunks:
        if not pieces and chunk.endswith(b"\n"):  # whole lines, as providers send them: no need to look at each
            yield from chunk.decode().replace("\r\n", "\n").split("\n")[:-1]
            continue
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            pieces.append(line)
            yield b"".join(pieces).removesuffix(b"\r").decode()
            pieces.clear()
        if rest:
            pieces.append(rest)
