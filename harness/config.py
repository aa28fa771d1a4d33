"""What a run is to do: an eval file (TOML) and the command line's options, merged once into a RunConfig.

    name = "nightly"                      # optional: else the file's name and the time
    tasks = ["transfers", "orders-*"]     # ids or patterns; all tasks but negative controls when left out
    controls = false                      # true adds the negative controls: tasks that nobody can pass
    attempts = 3                          # trials of each candidate at each task
    sandbox = "auto"                      # auto | docker | bubblewrap
    runtime = "runsc"                     # a runtime of the Docker engine; its default when left out
    concurrency = 8                       # trials under way
    grading_slots = 2                     # grades under way; the cores of this machine when left out
    max_cost_usd = 20.0                   # dollars; no request that could go beyond is made
    max_total_tokens = 50_000_000         # the same for tokens, in and out,
    max_total_turns = 20_000              # for answers of models,
    max_wall_seconds = 28_800             # and for the time since the run was started or resumed
    seed = 0                              # of the order of the trials

    [prices."openai-chat/our-model"]      # dollars per million tokens, before those of the price table
    input = 0.5
    output = 2.0                          # also cache_read, cache_write_5m, cache_write_1h, and since = "2026-11-01"

    [[candidates]]
    agent = "backend-developer@HEAD~1"    # agents/backend-developer.md at a git revision; or a path; `sham:` before it
    scaffold = "tools"
    model = "anthropic/claude-sonnet-5-5" # wins over the model that the agent file names
    settings = { effort = "high" }

Paths are relative to the current directory. The result is written beside the results, and is an eval file itself.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from harness import tomlfile
from harness.agents import SHAM
from harness.errors import ConfigError, UsageError
from harness.pricing import Own, Prices
from harness.secrets import redacted
from harness.types import Frozen, Settings

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Scaffolds in which no agent works: a prompt or a model beside them would promise a measurement that is none.
BARE = ("oracle", "nop")
# What may differ when a run is continued: how it is carried out, not what it measures.
CAPS = ("max_cost_usd", "max_total_tokens", "max_total_turns", "max_wall_seconds")
CONDUCT = ("concurrency", "grading_slots", "executor", "results", "prices", *CAPS)


class CandidateSpec(Frozen):
    """A candidate as written: nothing is loaded yet."""

    agent: str | None = Field(None, min_length=1)
    scaffold: str = "tools"
    model: str | None = Field(None, min_length=1)
    settings: Settings = Field(default_factory=lambda: Settings())  # type: ignore[call-arg]

    @field_validator("scaffold")
    @classmethod
    def _scaffold_is_known(cls, scaffold: str) -> str:
        from harness.scaffolds import REGISTRY

        if scaffold not in REGISTRY:
            hint = tomlfile.nearest(scaffold, REGISTRY)
            raise ValueError(f"unknown scaffold{hint}; allowed: {', '.join(REGISTRY)}")
        return scaffold

    @model_validator(mode="after")
    def _bare_scaffolds_stand_alone(self) -> CandidateSpec:
        if self.scaffold in BARE and (self.agent or self.model):
            raise ValueError(f"scaffold {self.scaffold} takes no agent and no model: it runs none")
        return self


def _rows(prices: Any) -> Any:
    """`[prices."m"]` stands for `[[prices."m"]]`: one row."""
    if not isinstance(prices, dict):
        return prices
    # What a validator passes on is checked as Python's, where a list is no tuple.
    return {m: (rows,) if isinstance(rows, dict) else _tupled(rows) for m, rows in prices.items()}


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


PriceTable = Annotated[dict[str, tuple[Prices, ...]], BeforeValidator(_rows)]


class Priced(Frozen):
    """The part of an eval file that says what models cost."""

    prices: PriceTable = Field(default_factory=dict)


def own_prices(values: Mapping[str, Any], where: str, error: type[UsageError]) -> Own:
    """The `[prices]` of an eval file or a stored configuration. Raises `error` that names file and key."""
    return tomlfile.build(Priced, {"prices": values.get("prices", {})}, where, error).prices


class RunConfig(Frozen):
    """The resolved configuration of a run."""

    name: str
    tasks: tuple[str, ...] = ()
    controls: bool = False
    candidates: tuple[CandidateSpec, ...] = ()
    attempts: int = Field(1, ge=1, le=1000)
    sandbox: Literal["auto", "docker", "bubblewrap"] = "auto"
    runtime: str | None = Field(None, min_length=1)
    executor: Literal["threads", "serial"] = "threads"
    concurrency: int = Field(8, ge=1, le=1000)
    grading_slots: int = Field(ge=1, le=1000)
    max_cost_usd: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_total_tokens: int | None = Field(None, ge=1)
    max_total_turns: int | None = Field(None, ge=1)
    max_wall_seconds: float | None = Field(None, gt=0, allow_inf_nan=False)
    prices: PriceTable = Field(default_factory=dict)
    seed: int = 0
    results: str = Field("results", min_length=1)
    tasks_dir: str = Field("tasks", min_length=1)
    agents_dir: str = Field("agents", min_length=1)

    @field_validator("name")
    @classmethod
    def _name_is_a_folder(cls, name: str) -> str:
        if not RUN_NAME.fullmatch(name) or name == "latest":
            raise ValueError("must be letters, digits, dots, hyphens or underscores, at most 100, and not `latest`")
        return name

    @property
    def folder(self) -> Path:
        """Where the run's results go."""
        return Path(self.results) / self.name

    def resolved(self) -> str:
        """The configuration as TOML, as it is stored: `load` of it gives an equal RunConfig, but for the secrets."""
        import tomli_w

        return tomli_w.dumps(_storable(self.model_dump(mode="json", exclude_none=True)))

    def measures(self) -> dict[str, Any]:
        """The part that says what is measured, as it is stored: it must be the same when a run is continued."""
        return _storable(self.model_dump(mode="json", exclude=set(CONDUCT)))


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """Take the secrets out of addresses and commands, the only settings that are free text."""
    for candidate in values["candidates"]:
        found = candidate["settings"]
        found |= {key: redacted(found[key]) for key in ("base_url", "command") if found.get(key)}
    return values


def load(path: Path | None, options: Mapping[str, Any], stamp: str) -> RunConfig:
    """Merge an eval file and options into a RunConfig.

    Options that are None or empty were not given. `agents`, `scaffolds` and `models` replace that part of every
    candidate (all combinations, each once); every other option replaces the file's key. `stamp` (a time) makes the
    default name unique. Raises ConfigError with file, key and what is allowed.
    """
    given = {key: value for key, value in options.items() if value not in (None, ())}
    columns = {key: given.pop(key, ()) for key in ("agents", "scaffolds", "models")}
    values = {**_defaults(path, stamp), **(tomlfile.read(path, ConfigError) if path else {}), **given}
    config = tomlfile.build(RunConfig, values, str(path or "command line"), ConfigError)
    candidates = combine(config.candidates, **columns)
    named = [_with_path(candidate, config.agents_dir) for candidate in candidates]
    if not named:
        where = f"{path}: " if path else ""
        raise ConfigError(
            f"{where}no candidate: give --agent and --model, or --scaffold oracle, or an eval file with [[candidates]]"
        )
    return config.model_copy(update={"candidates": tuple(named)})


def combine(
    base: Sequence[CandidateSpec], agents: Sequence[str], scaffolds: Sequence[str], models: Sequence[str]
) -> list[CandidateSpec]:
    """Return the candidates with the given columns put in place of their own: all combinations, each once."""
    if not (agents or scaffolds or models):
        return list(base)
    found: list[CandidateSpec] = []
    for candidate in base or [CandidateSpec(agent=None, model=None)]:
        own = candidate.agent, candidate.scaffold, candidate.model
        for agent, scaffold, model in itertools.product(agents or own[:1], scaffolds or own[1:2], models or own[2:]):
            bare = scaffold in BARE
            values = {"agent": None if bare else agent, "scaffold": scaffold, "model": None if bare else model}
            settings = candidate.settings.model_dump(exclude_unset=True)
            found.append(tomlfile.build(CandidateSpec, {**values, "settings": settings}, "command line", ConfigError))
    return [c for i, c in enumerate(found) if c not in found[:i]]


def _with_path(candidate: CandidateSpec, agents_dir: str) -> CandidateSpec:
    if candidate.agent is None:
        return candidate
    return candidate.model_copy(update={"agent": agent_path(candidate.agent, agents_dir)})


def agent_path(name: str, agents_dir: str) -> str:
    """Return the path (at its revision) that an agent's name stands for: `x@HEAD~1` is `agents/x.md@HEAD~1`.

    `sham:x` is the sham of x (agents.sham). Raises ConfigError, with the closest name, for a file that is not there; at
    a revision it need not be there now.
    """
    if name.startswith(SHAM) and name != SHAM:
        return SHAM + agent_path(name.removeprefix(SHAM), agents_dir)
    stem, at, revision = name.partition("@")
    if not stem or (at and not revision):
        raise ConfigError(f"{name!r} is no agent: give a name or a path, with a git revision after @ if you like")
    if "/" not in stem and not stem.endswith(".md"):
        stem = f"{agents_dir}/{stem}.md"
    if not (at or Path(stem).is_file()):
        known = agent_names(Path(agents_dir))
        hint = tomlfile.nearest(Path(stem).stem, known)
        what = "is no regular file" if Path(stem).exists() else "there is no such agent file"
        raise ConfigError(f"{stem}: {what}{hint}; {agents_dir} has: {', '.join(known) or 'none'}")
    return f"{stem}{at}{revision}"


def agent_names(agents_dir: Path) -> list[str]:
    """Return the names of the agent files in a folder. Raises ConfigError if it is not there."""
    if not agents_dir.is_dir():
        raise ConfigError(f"{agents_dir}: no such folder of agents; run from the project's root, or say --agents-dir")
    return sorted(p.stem for p in agents_dir.glob("*.md") if p.is_file())


def _defaults(path: Path | None, stamp: str) -> dict[str, Any]:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") if path else ""
    return {"name": f"{stem[:60] or 'run'}-{stamp}", "grading_slots": os.cpu_count() or 1}
