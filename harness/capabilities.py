"""The capability map: what a backend developer must be able to do. A task's `areas` name ids of this table.

A line that no task tests is a gap; `harness tasks coverage` shows it as one.
"""

from __future__ import annotations

AREAS: dict[str, str] = {
    # design and implementation of APIs
    "api.rest": "resources, verbs, status codes, paging, filters, content negotiation",
    "api.openapi": "an API description that the running service obeys",
    "api.graphql": "schema, resolvers without N+1 queries, depth and cost limits",
    "api.errors": "one error format everywhere, no internals in it",
    "api.authn": "password hashes, sessions, JWT rotation and revocation, OAuth2",
    "api.authz": "roles, permissions, ownership, tenants kept apart",
    "api.rate-limiting": "limits that hold across instances and in parallel",
    "api.caching": "HTTP validators, cache-aside, invalidation, no stampedes",
    "api.versioning": "old and new clients at once, notice of deprecation",
    "api.validation": "hostile input is checked and cleaned",
    # databases
    "data.schema": "normal forms, constraints, the indexes that queries need",
    "data.queries": "slow queries found and mended, with the plan as proof",
    "data.migrations": "schema changes under traffic, reversible, nothing lost",
    "data.transactions": "isolation, locks, idempotency, races",
    "data.scaling": "read replicas, reading one's own writes, partitions, shards",
    "data.pooling": "bounded connection pools that outlive errors and load",
    "data.choice": "the right kind of store for the job",
    # systems
    "arch.services": "boundaries and contracts of services, sagas across them",
    "arch.events": "outbox, order, retries, dead letters, effects exactly once",
    "arch.availability": "health checks, failover, timeouts, circuit breakers, graceful stop",
    "arch.observability": "metrics, structured logs, traces that join up",
    "arch.cicd": "pipelines that build, test, scan and refuse bad changes",
    "arch.capacity": "a load target met, and a plan that says where it ends",
    # quality of what is delivered
    "code.structure": "SOLID, injected dependencies, patterns where they help, safe refactoring",
    "code.tests": "own tests above 80 % coverage that catch injected bugs",
    "code.errors": "error handling and logs that an operator can use",
    "code.security": "injection, access control, SSRF, secrets, unsafe parsing, path traversal",
    "code.docs": "documentation that a newcomer can follow",
    # with what: each on the real thing
    "tech.python": "Python",
    "tech.node": "Node.js",
    "tech.java": "Java",
    "tech.go": "Go",
    "tech.csharp": "C#",
    "tech.fastapi": "FastAPI",
    "tech.django": "Django",
    "tech.express": "Express",
    "tech.spring": "Spring",
    "tech.postgresql": "PostgreSQL",
    "tech.mysql": "MySQL",
    "tech.mongodb": "MongoDB",
    "tech.redis": "Redis",
    "tech.elasticsearch": "Elasticsearch",
    "tech.rabbitmq": "RabbitMQ",
    "tech.kafka": "Kafka",
    "tech.sqs": "SQS",
    "tech.docker": "Docker",
    "tech.kubernetes": "Kubernetes",
    "tech.aws": "AWS",
    "tech.gcp": "Google Cloud",
    "tech.azure": "Azure",
    # how the agent decides, judged from what it delivers
    "work.requirements": "requirements met, the unsaid ones too",
    "work.selection": "technology chosen for a reason",
    "work.decomposition": "a feature cut into parts that can be built and tested",
    "work.trade-offs": "decisions explained, with examples to copy",
}
