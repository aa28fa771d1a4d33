"""Usage -> dollars, from the dated price table of the installed genai-prices; never from the network.

A price that is not known is None and never 0: scripts and candidates without a model cost 0.0, because that is true.
Prices are for one request: some have tiers by its size. Price each turn, then sum (`total`); never price a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from harness.types import Usage

FREE = "scripted"
PROVIDERS = {"anthropic": "anthropic", "openai": "openai"}
STANDARD_TIERS = (None, "standard", "default", "auto")
STANDARD_SPEEDS = (None, "standard")


def table_version() -> str:
    """Return the name and version of the price table, for the record."""
    return f"genai-prices {version('genai-prices')}"


def dollars(model: str | None, usage: Usage, when: datetime | None = None, base_url: str | None = None) -> float | None:
    """Return what one request cost in US dollars, or None when its price is not known.

    `model` is the full name (`anthropic/claude-opus-5-5`) or None for a candidate that has none; `when` is the time of
    the request (default: now), because prices change; `base_url` finds the prices of an `openai-chat` server.
    """
    provider, _, model_id = (model or FREE).partition("/")
    if provider == FREE:
        return 0.0
    found = _model(provider, model_id, base_url)
    context = _context(usage.raw)
    if found is None or not _has_prices_for(found[1], context):
        return None
    host, info = found
    made = info.calc_price(
        _counts(usage), host, genai_request_timestamp=when or datetime.now(UTC), price_context=context or None
    )
    return float(made.total_price)


def total(
    model: str | None, usages: Iterable[Usage], when: datetime | None = None, base_url: str | None = None
) -> float | None:
    """Return the cost of several requests, each priced for itself, or None when one of them has no known price."""
    costs = [dollars(model, usage, when, base_url) for usage in usages]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def is_known(model: str | None, when: datetime | None = None, base_url: str | None = None) -> bool:
    """Whether ordinary requests to a model have a price, so that a limit in dollars can be kept."""
    return dollars(model, Usage(input=1, output=1), when, base_url) is not None


def _model(provider: str, model_id: str, base_url: str | None) -> tuple[Any, Any] | None:
    """Find (provider, model) in the table. A server that is not in it has no prices, whatever its models are called."""
    from genai_prices.data_snapshot import get_snapshot

    if provider not in PROVIDERS and not base_url:
        return None
    try:
        return get_snapshot().find_provider_model(
            model_id, None, PROVIDERS.get(provider), base_url if provider not in PROVIDERS else None
        )
    except LookupError:
        return None


def _counts(usage: Usage) -> Any:
    """Return our disjoint buckets as the table's counts, whose input includes what was read from and written to caches.

    Without the one-hour part they would be priced as five-minute writes.
    """
    from genai_prices import Usage as Counts

    written = usage.cache_write_5m + usage.cache_write_1h
    return Counts(
        input_tokens=usage.input + usage.cache_read + written,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=written,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=usage.output,
    )


def _context(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what the provider said of a request that makes its price another one: `service_tier`, `speed`."""
    said = {"service_tier": STANDARD_TIERS, "speed": STANDARD_SPEEDS}
    return {key: str(raw[key]) for key, usual in said.items() if raw.get(key) not in usual}


def _has_prices_for(info: Any, context: Mapping[str, str]) -> bool:
    """Whether the table knows the prices of a context; it would give the standard ones without a word if not."""
    variants = info.price_variants or ()
    return all(any(v.when.get(key) == value for v in variants) for key, value in context.items())
