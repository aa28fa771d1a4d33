"""PostgreSQL: a superuser for the grader, and an owner of one database and nothing else for the app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import SandboxError, TaskError
from harness.protocols import Box
from harness.types import BoxSpec, ServiceSpec

SETUP = """
ALTER ROLE postgres PASSWORD '{superuser}';
CREATE ROLE app LOGIN PASSWORD '{app}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE app OWNER app;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
"""


class Postgres:
    """The service of kind `postgres`."""

    kind = "postgres"
    image = "postgres"
    port = 5432
    default_env = "DATABASE_URL"

    def spec(self, name: str, secrets: Mapping[str, str]) -> BoxSpec:
        """A server on /data; passwords are set by `prepare`, so none is in its environment."""
        return BoxSpec(
            role=name, image=self.image, argv=("serve", str(self.port)), mounts={f"{name}-data": "/data"},
            cpus=2.0, memory_mb=1024, pids=256,
        )  # fmt: skip

    def prepare(self, box: Box, spec: ServiceSpec, root: Path, secrets: Mapping[str, str]) -> None:
        """Wait for the server, make the roles, then run the task's seed as the app. Raises SandboxError, TaskError."""
        setup = SETUP.format(superuser=secrets["superuser"], app=secrets["app"])
        self._apply(box, "postgres", "postgres", setup.encode(), SandboxError, "the database's set-up")
        if spec.seed:
            self._apply(box, "app", "app", (root / spec.seed).read_bytes(), TaskError, str(root / spec.seed))

    def await_again(self, box: Box) -> None:
        """Wait until a server that was started again answers."""
        self._apply(box, "postgres", "postgres", b"SELECT 1;", SandboxError, "the restarted database")

    def url(self, address: str, user: str, secrets: Mapping[str, str]) -> str:
        """A connection URL; `user` is `superuser` or `app`."""
        role = "postgres" if user == "superuser" else "app"
        return f"postgresql://{role}:{secrets[user]}@{address}:{self.port}/app"

    def _apply(
        self, box: Box, database: str, user: str, sql: bytes, blame: type[SandboxError] | type[TaskError], what: str
    ) -> None:
        done = box.exec(["apply", str(self.port), database, user], seconds=120, stdin=sql)
        if done.exit_code != 0:
            words = (done.stderr + done.stdout)[-1500:] + b"\n" + box.logs(1000)
            raise blame(f"{what} failed: {words.decode(errors='replace').strip()}")
