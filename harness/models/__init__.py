"""Models by name: `provider/id`, for example `anthropic/claude-sonnet-5-5`.

anthropic/<id>      the Messages API             needs ANTHROPIC_API_KEY
openai/<id>         the Responses API            needs OPENAI_API_KEY
openai-chat/<id>    any Chat Completions server  needs OPENAI_API_KEY and a base URL (`base_url` or OPENAI_BASE_URL)
scripted/<name>     no LLM: plays a script, see harness.models.scripted
sonnet, opus, haiku aliases, as agents' front matter has them; `inherit` is the run's model
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module

from harness import protocols
from harness.errors import ConfigError
from harness.models import workers
from harness.models.limits import listening as listening
from harness.models.limits import slowed as slowed
from harness.models.retry import DEFAULT, RetryPolicy
from harness.models.sdk import SdkModel
from harness.tomlfile import nearest
from harness.types import Settings

MODELS = {
    "anthropic": "harness.models.anthropic",
    "openai": "harness.models.openai",
    "openai-chat": "harness.models.openai_chat",
    "scripted": "harness.models.scripted",
}
ALIASES = {
    "haiku": "anthropic/claude-haiku-5-5",
    "sonnet": "anthropic/claude-sonnet-5-5",
    "opus": "anthropic/claude-opus-5-5",
}
INHERIT = "inherit"


def resolve(name: str, inherited: str | None = None) -> str:
    """Return the full name `provider/id` of a name, an alias or a bare Claude id; `inherit` gives `inherited`.

    Raises ConfigError for a name of no known provider, and for `inherit` when there is nothing to inherit.
    """
    if name == INHERIT:
        if not inherited or inherited == INHERIT:
            raise ConfigError("model `inherit`: there is nothing to inherit; name a model, for example --model sonnet")
        return resolve(inherited)
    full = ALIASES.get(name) or (f"anthropic/{name}" if name.startswith("claude-") else name)
    provider, slash, rest = full.partition("/")
    if not (slash and rest and provider in MODELS):
        raise ConfigError(f"unknown model {name!r}{nearest(provider, [*MODELS, *ALIASES])}; {allowed()}")
    return full


def allowed() -> str:
    """Say what a model may be called."""
    return f"allowed: {', '.join(f'{p}/<id>' for p in MODELS)}, or one of {', '.join(ALIASES)}"


def load(name: str, settings: Settings, policy: RetryPolicy = DEFAULT) -> protocols.Model:
    """Make the model called `name`. Raises ConfigError for a wrong name, a missing key or a missing base URL."""
    full = resolve(name)
    provider, _, model_id = full.partition("/")
    model: protocols.Model = import_module(MODELS[provider]).load(full, model_id, settings, policy)
    return model


@contextmanager
def spread(found: Iterable[protocols.Model | None], trials: int) -> Iterator[None]:
    """Let processes send the requests of these models in the block, if so many trials at once are worth it."""
    ours = [model for model in found if isinstance(model, SdkModel) and model.again]
    pool = workers.started(trials, [model.spec for model in ours]) if ours else None
    for model in ours:
        model.workers = pool
    try:
        yield
    finally:
        if pool:
            pool.close()


def close(found: Iterable[protocols.Model | None]) -> None:
    """End the requests of models whose run is over; who waits for one gets a ProviderError now."""
    for model in found:
        if isinstance(model, SdkModel):
            model.close()
