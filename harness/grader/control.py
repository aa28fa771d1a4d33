"""The grader's side of the control channel: JSON lines over the box's own standard input and output.

The grader asks, the harness answers; one request is under way at a time. Standard output is taken away from everything
else in the process, so nothing that a test prints can be mistaken for a request.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


class ControlError(Exception):
    """The harness could not do what was asked: an infrastructure fault, not the submission's."""


class Control:
    """Requests to the harness."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.out = os.fdopen(os.dup(1), "wb", buffering=0)
        self.lines = os.fdopen(os.dup(0), "rb")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def read(self) -> dict[str, Any]:
        """The next line from the harness. Raises ControlError when the harness is gone."""
        line = self.lines.readline()
        if not line:
            raise ControlError("the harness closed the control channel")
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer. Raises ControlError if the harness says that it failed."""
        with self.lock:
            self.out.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            answer = self.read()
        if "error" in answer:
            raise ControlError(f"{op}: {answer['error']}")
        return answer
