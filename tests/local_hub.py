"""A Hub of datasets on this machine: as much of its interface as an upload by the real libraries needs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_the_tests"
SHA = "a" * 40


@dataclass
class Hub:
    """What the Hub holds: the files of its one repository, whether it is private, and what was asked."""

    repo: str
    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    private: bool | None = None  # None: there is no repository yet
    writable: bool = True
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(repo: str) -> Iterator[Hub]:
    """Serve a Hub on the loopback until the block ends."""
    hub = Hub(repo)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Every method is answered by path."""
        body = self._body()
        path = self.path.partition("?")[0]
        self.hub.asked.append(f"{self.command} {path}")
        self._send(*self._answer(path, body))

    do_POST = do_PUT = do_HEAD = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, body: Any, code: str = "") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Content-Length": str(len(data)), "ETag": '"e"', "X-Repo-Commit": SHA}
        self.send_response(status)
        for name, value in {**head, **({"X-Error-Code": code} if code else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _answer(self, path: str, body: bytes) -> tuple[Any, ...]:
        hub, api = self.hub, f"/api/datasets/{self.hub.repo}"
        if path.startswith("/lfs/"):
            hub.blobs[path[5:]] = body
            return 200, {}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials"}
        if path == "/api/repos/create":
            if not hub.writable:
                return 403, {"error": "You don't have the rights"}
            hub.private = json.loads(body).get("visibility") == "private"
            return 200, {"url": f"{hub.address}/datasets/{hub.repo}", "id": hub.repo}
        if hub.private is None:
            return 404, {"error": "Repository not found"}, "RepoNotFound"
        if path == api or path.startswith(f"{api}/revision/"):
            return 200, {"id": hub.repo, "sha": SHA, "siblings": [{"rfilename": name} for name in hub.files]}
        return self._content(path, body)

    def _content(self, path: str, body: bytes) -> tuple[Any, ...]:
        hub = self.hub
        if "/preupload/" in path:
            asked = [file["path"] for file in json.loads(body)["files"]]
            kinds = {name: "lfs" if name.endswith(".parquet") else "regular" for name in asked}
            return 200, {"files": [{"path": n, "uploadMode": k, "shouldIgnore": False} for n, k in kinds.items()]}
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.address}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return 200, {"transfer": "basic", "objects": objects}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                self._commit(line["key"], line["value"])
            return 200, {"commitUrl": f"{hub.address}/datasets/{hub.repo}/commit/{SHA}", "commitOid": SHA}
        if "/tree/" in path:
            folder = path.partition("/tree/")[2].partition("/")[2]
            inside = [name for name in hub.files if name.startswith(f"{folder}/" if folder else "")]
            if folder and not inside:
                return 404, {"error": "no such folder"}, "EntryNotFound"
            sizes = {name: len(hub.files[name]) for name in inside}
            return 200, [{"type": "file", "path": n, "size": s, "oid": "b" * 40} for n, s in sizes.items()]
        name = path.partition("/resolve/")[2].partition("/")[2]
        return (200, hub.files[name]) if name in hub.files else (404, {"error": "no such file"}, "EntryNotFound")

    def _commit(self, key: str, value: dict[str, Any]) -> None:
        if key == "file":
            self.hub.files[value["path"]] = base64.b64decode(value["content"])
        if key == "lfsFile":
            self.hub.files[value["path"]] = self.hub.blobs[value["oid"]]
