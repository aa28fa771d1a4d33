"""A provider in a process of its own: plays a script until its standard input ends, then prints what it was asked.

python provider.py SCRIPT MODEL [forget]    prints its URL first, and at the end one JSON line: body digest -> times
asked; with `forget` it keeps no requests, and the line is empty
"""

from __future__ import annotations

import gc
import hashlib
import json
import sys
from collections import Counter

from harness.models import scripted, scripted_server

PATIENCE = 0.05  # seconds that a thread may hold the interpreter: there is one for each request under way


def main(script: str, model: str, forget: str = "") -> None:
    """Serve until nobody needs it any more."""
    sys.setswitchinterval(PATIENCE)
    gc.set_threshold(200_000, 20, 20)  # requests are all alive; they need not be looked through again and again
    with scripted_server.serve(remember=0 if forget else 1_000_000) as server:
        server.add(model, scripted.read(script))
        print(server.url, flush=True)
        sys.stdin.read()
        asked = Counter(digest(body) for _, _, body in server.requests)
    print(json.dumps(asked), flush=True)


def digest(body: object) -> str:
    """A request's identity."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


main(*sys.argv[1:])
