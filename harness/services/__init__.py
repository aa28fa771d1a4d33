"""Backing services, one file a kind."""

from __future__ import annotations

from harness.protocols import Service
from harness.services.postgres import Postgres
from harness.services.redis import Redis

REGISTRY: dict[str, Service] = {
    "postgres": Postgres(),
    "redis": Redis(),
}
