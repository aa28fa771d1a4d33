"""`harness compare` from its words to a comparison: of runs that are there, or of agent files that are run for it.

    RUN, RUN:CANDIDATE           a run in the results folder; a word that names one always means it
    agents/x.md, x, x@HEAD~1     an agent file, or its name, at a git revision after @

Two agents are planned as one run: interleaved, shuffled, with one model, scaffold and settings. The run is an ordinary
one; comparison.json beside its plan says what is compared and when it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from harness import arms, config, looks, models, scaffolds, store, tasks
from harness import course as courses
from harness.agents import SHAM
from harness.compare import Comparison, Options, compare
from harness.config import RunConfig
from harness.course import Claim, Course, Wanted
from harness.errors import EXIT_OK, ConfigError, ResultsError
from harness.run import load_candidate, run
from harness.types import Candidate

Say = Callable[[str], None]
Kind = Literal["run", "agent"]

# What only makes sense for a comparison that is run, and the option that says it.
OPTION = {
    "model": "--model", "scaffold": "--scaffold", "tasks": "--tasks", "attempts": "--attempts", "sandbox": "--sandbox",
    "runtime": "--runtime", "concurrency": "--concurrency", "grading_slots": "--grading-slots", "seed": "--seed",
    "max_cost_usd": "--max-cost", "max_total_tokens": "--max-tokens", "max_total_turns": "--max-turns",
    "max_wall_seconds": "--max-seconds", "name": "--name", "tasks_dir": "--tasks-dir", "looks": "--looks",
    "config": "--config",
}  # fmt: skip
DEFAULT_MARGIN = 0.05
DEFAULT_CLAIM: Claim = "like-these"


@dataclass(frozen=True)
class Asked:
    """What the user asks. None is what was not said; `conduct` are the options of `harness run`, as config.load takes
    them.
    """

    a: str
    b: str | None
    results: Path = Path("results")
    agents_dir: Path = Path("agents")
    margin: float | None = None
    claim: Claim | None = None
    value: float = 1.0
    shared: bool = False
    families: Path | None = None
    looks: int | None = None
    anytime: bool = False
    sham: bool = False
    model: str | None = None
    scaffold: str | None = None
    config: Path | None = None
    conduct: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> Options:
        """How a pair is judged that has no course of its own. Raises ConfigError for numbers that decide nothing."""
        margin = DEFAULT_MARGIN if self.margin is None else self.margin
        return Options(margin, self.value, self.shared, self.claim or DEFAULT_CLAIM)


def asked(**said: Any) -> Asked:
    """The command line's words by their kind: what has no field of its own belongs to the run's configuration."""
    own = {name for name in Asked.__dataclass_fields__ if name != "conduct"}
    conduct = {key: value for key, value in said.items() if key not in own}
    return Asked(**{key: value for key, value in said.items() if key in own}, conduct=conduct)


@dataclass(frozen=True)
class Ended:
    """A comparison; `report` is the report's folder of the run that was made for it, None for runs that were there.

    `finished`: every trial of that run that is needed has a verdict.
    """

    comparison: Comparison
    report: Path | None = None
    finished: bool = True


def contest(asked: Asked, say: Say) -> Ended:
    """Compare what the words name, running it first where they are agents.

    Raises UsageError for words, options and runs that make no comparison, what `run` raises, and KeyboardInterrupt.
    """
    if asked.anytime and asked.looks:
        raise ConfigError("--looks plans when it is looked, --anytime allows it whenever: give one of them")
    _ = asked.options  # numbers that decide nothing are refused before anything else
    words = [word for word in (asked.a, asked.b) if word is not None]
    kinds = [kind_of(word, asked.results, asked.agents_dir) for word in words]
    if len(set(kinds)) == 2:
        raise ConfigError(_mixed(words, kinds))
    if kinds[0] == "agent":
        return fought(asked, say)
    _refuse_options_of_runs(asked, words)
    for word in words:
        if is_agent(word, asked.agents_dir):
            file = f"{asked.agents_dir}/{word}.md"
            say(f"{word!r} is a run and also an agent: the run is compared; write {file} for the agent")
    return Ended(recorded(asked))


# --- words -----------------------------------------------------------------------------------------------------------


def kind_of(word: str, results: Path, agents_dir: Path) -> Kind:
    """Whether a word names a run or an agent; a run wins. Raises UsageError, with what is nearest, for neither."""
    if arms.folder_of(results, word) is not None:
        return "run"
    if "@" in word or word.endswith(".md") or word.startswith(SHAM):
        config.agent_path(word, str(agents_dir))
        return "agent"
    try:
        config.agent_path(word, str(agents_dir))
    except ConfigError as no_agent:
        try:
            store.find_run(results, word.partition(":")[0])
        except ResultsError as no_run:
            raise ResultsError(f"{word!r} is neither a run nor an agent. Runs: {no_run} Agents: {no_agent}") from no_run
        raise
    return "agent"


def is_agent(word: str, agents_dir: Path) -> bool:
    """Whether a word also names an agent file."""
    return (agents_dir / f"{word.partition('@')[0]}.md").is_file()


def _mixed(words: list[str], kinds: list[Kind]) -> str:
    the_run, the_agent = words[kinds.index("run")], words[kinds.index("agent")]
    return (
        f"{the_run!r} is a run and {the_agent!r} an agent file: unlike things are not compared. Either run the agent "
        f"first (`harness run --agent {the_agent} …`) and compare the two runs, or name two agent files, which are "
        f"then run together (an agent of the name of a run is written as its path, such as agents/{the_run}.md)"
    )


def _refuse_options_of_runs(asked: Asked, words: list[str]) -> None:
    given = {**asked.conduct, "model": asked.model, "scaffold": asked.scaffold, "looks": asked.looks}
    given["config"] = asked.config
    named = [option for key, option in OPTION.items() if given.get(key) not in (None, ())]
    named += ["--sham"] if asked.sham else []
    if not named:
        return
    twins = [word for word in words if is_agent(word, asked.agents_dir)]
    way = f"; for the agent of that name write {asked.agents_dir}/{twins[0]}.md" if twins else ""
    looked = "; looks are planned before the first trial, --anytime can be said of runs that are there"
    raise ConfigError(
        f"{' and '.join(map(repr, words))}: runs that are there are only read, so {', '.join(named)} cannot be heeded"
        f"{way}{looked if asked.looks else ''}"
    )


# --- runs that are there ---------------------------------------------------------------------------------------------


def recorded(asked: Asked) -> Comparison:
    """Compare two arms on disk, as their run was planned to be compared if it was."""
    pair = arms.load(asked.results, asked.a, asked.b)
    planned = looks.course_of(*pair)
    if planned:
        _refuse_another_course(asked, *planned)
        return looks.judge(*planned, asked.options)
    options = replace(asked.options, families=arms.families(asked.families, pair))
    return looks.anytime(*pair, options) if asked.anytime else compare(*pair, options)


def _refuse_another_course(asked: Asked, loaded: store.Loaded, course: Course) -> None:
    """What decides was chosen before the first trial. Raises ResultsError for anything else."""
    ids = {row.task for row in loaded.planned}
    now: dict[str, Any] = {"margin": asked.margin, "claim": asked.claim, "anytime": asked.anytime or None}
    now["families"] = arms.families_of(asked.families, ids) if asked.families else None
    for key, value in now.items():
        if value is not None and value != getattr(course, key):
            raise ResultsError(
                f"run {loaded.run_id} was planned to be judged with {key} {courses.shown(getattr(course, key))}, and "
                f"not with {courses.shown(value)}: leave that option out"
            )


# --- agents, which are run -------------------------------------------------------------------------------------------


def fought(asked: Asked, say: Say) -> Ended:
    """Run both agents (and the sham) as one run, or what is missing of it, and judge it from disk."""
    resolved = configured(asked)
    wanted = planned_for(asked, resolved, candidates_of(resolved, asked), say)
    try:
        result = run(resolved, say, compared=wanted)
    except KeyboardInterrupt:
        say(f"interrupted: what is finished is kept. {going_on(resolved.name)}")
        raise
    return Ended(judged(resolved.folder, asked.options), result.report.parent, result.exit_code == EXIT_OK)


def judged(folder: Path, options: Options) -> Comparison:
    """The comparison that a run was made for. Raises ResultsError when it was made for none."""
    course = courses.read(folder)
    if course is None:
        raise ResultsError(f"{folder}: {courses.FILE} is missing; bring the file back")
    return looks.judge(store.load(folder), course, options)


def configured(asked: Asked) -> RunConfig:
    """The configuration of the run. Raises ConfigError, also when only one arm is named."""
    specs = [asked.a, asked.b] if asked.b is not None else [SHAM + asked.a, asked.a]
    if asked.b is None and not asked.sham:
        raise ConfigError(f"{asked.a!r} is one agent: name the other one too, or say --sham for A to be its sham")
    if asked.b is not None and asked.sham:
        specs.append(SHAM + asked.b)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    given = {key: value for key, value in asked.conduct.items() if value not in (None, ())}
    options = {
        "name": f"compare-{stamp}", **given, "results": str(asked.results), "agents_dir": str(asked.agents_dir),
        "agents": tuple(specs), "models": (asked.model,) if asked.model else (),
        "scaffolds": (asked.scaffold,) if asked.scaffold else (),
    }  # fmt: skip
    if asked.scaffold in scaffolds.REGISTRY and asked.scaffold in config.BARE:
        raise ConfigError(f"scaffold {asked.scaffold} runs no agent, so both arms would be the same")
    resolved = config.load(asked.config, options, stamp)
    if len(resolved.candidates) > len(specs):
        raise ConfigError(f"{asked.config}: has several candidates; one at most says what both agents have in common")
    return resolved


def candidates_of(resolved: RunConfig, asked: Asked) -> list[Candidate]:
    """The candidates: A, B and, where there is a third, the sham. Raises ConfigError when they are no fair pair."""
    found = [load_candidate(spec) for spec in resolved.candidates]
    if len({candidate.digest for candidate in found}) < (3 if asked.sham and asked.b is not None else 2):
        raise ConfigError(
            f"{' and '.join(filter(None, (asked.a, asked.b)))} are one prompt, so there is nothing to compare. "
            "`harness aa-check` says how far one prompt lies apart from itself"
        )
    names = {candidate.model for candidate in found}
    if len(names) > 1:
        raise ConfigError(
            f"A and B would run on different models, as their files say ({', '.join(map(str, names))}), and a "
            f"difference could be due to either: give --model; {models.allowed()}"
        )
    return found


def planned_for(asked: Asked, resolved: RunConfig, found: list[Candidate], say: Say) -> Wanted:
    """What is asked of the run; told before it is paid for when it cannot have an answer."""
    ids = [task.id for task in tasks.choose(resolved.tasks, Path(resolved.tasks_dir), resolved.controls)]
    options = asked.options
    if len(ids) == 1 and options.claim == "like-these":
        say("one task says nothing about tasks like it: name more tasks, or say --claim these to speak of it alone")
    return Wanted(
        a=found[0].digest,
        b=found[1].digest,
        sham=found[2].digest if len(found) > 2 else None,
        claim=options.claim,
        margin=options.margin,
        families=arms.families_of(asked.families, ids),
        looks=asked.looks or 1,
        anytime=asked.anytime,
        step=2 * resolved.concurrency,
    )


def how_to_go_on(ended: Ended) -> str:
    """What to do about a run that has not come to its end; empty when it has."""
    found = ended.comparison
    open_still = found.verdict == "invalid" or (found.stage.anytime and found.verdict == "inconclusive")
    if ended.report is None or ended.finished or not open_still:
        return ""
    return f"run {ended.comparison.a.run} is not at its end. {going_on(ended.comparison.a.run)}"


def going_on(name: str) -> str:
    """The commands that continue a run."""
    return (
        f"The same command with --name {name} (and a larger budget, if that ended it) goes on with it; so does "
        f"`harness resume {name}`, and then `harness compare {name}`"
    )
