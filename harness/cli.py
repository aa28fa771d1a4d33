"""The command line. Each command imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from rich.console import Console

    from harness.config import RunConfig
    from harness.store import Loaded

SANDBOXES = click.Choice(["auto", "docker", "bubblewrap"])
CLAIMS = click.Choice(["like-these", "these"])
GATES = click.Choice(["compare", "drop", "flip"])
EXPORTS = click.Choice(["atif", "parquet", "hf"])
PROBED = click.Choice(["all", "docker", "bubblewrap"])
DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(path_type=Path)  # existence is checked where it is used: the messages there say more

Command = Callable[..., Any]
# What a machine refuses where no module had a message of its own: no defect of ours.
MACHINE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


# --- options that several commands share -----------------------------------------------------------------------------


def sandbox_option(command: Command) -> Command:
    """--sandbox."""
    words = "Where untrusted code runs; `auto` is Docker if a daemon answers, else bubblewrap."
    return click.option("--sandbox", type=SANDBOXES, default="auto", show_default=True, help=words)(command)


def runtime_option(command: Command) -> Command:
    """--runtime."""
    words = "A runtime of the Docker engine for every box, such as runsc (gVisor); its default when left out."
    return click.option("--runtime", metavar="NAME", help=words)(command)


def tasks_dir_option(command: Command) -> Command:
    """--tasks-dir."""
    words = "The folder of task packages."
    return click.option("--tasks-dir", type=FOLDER, default="tasks", show_default=True, help=words)(command)


def agents_dir_option(command: Command) -> Command:
    """--agents-dir."""
    words = "The folder of agent files."
    return click.option("--agents-dir", type=FOLDER, default="agents", show_default=True, help=words)(command)


def results_option(command: Command) -> Command:
    """--results."""
    words = "The folder of results."
    return click.option("--results", type=FOLDER, default="results", show_default=True, help=words)(command)


def jobs_option(command: Command) -> Command:
    """--jobs."""
    words = "How many grades run side by side; the cores of this machine when left out."
    return click.option("--jobs", "-j", type=click.IntRange(1, 1000), default=os.cpu_count() or 1, help=words)(command)


def budget_options(command: Command) -> Command:
    """--max-cost and its kin: the budget of a run."""
    bounds: list[tuple[str, str, type, str]] = [
        ("--max-seconds", "max_wall_seconds", float, "Seconds; no request is made and no trial starts after them."),
        ("--max-turns", "max_total_turns", int, "Answers of models, in the whole run."),
        ("--max-tokens", "max_total_tokens", int, "Tokens in and out; no request that could go beyond is made."),
        ("--max-cost", "max_cost_usd", float, "Dollars; no request that could go beyond is made."),
    ]
    for name, key, kind, words in bounds:
        command = click.option(name, key, type=kind, help=words)(command)
    return command


class _NoVerdict(click.UsageError):
    """A mistake on the command line of a command whose exit codes are verdicts; 64 is none of them."""

    exit_code = 64


class _Judging(click.Command):
    """A command whose exit codes are verdicts."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line as ever."""
        try:
            return super().parse_args(ctx, args)
        except click.ClickException as error:
            raise _NoVerdict(error.format_message(), ctx) from error


# --- the commands ----------------------------------------------------------------------------------------------------


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from harness import __version__

        click.echo(f"harness {__version__}")
        ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version.")
def cli() -> None:
    """Benchmark LLM agents on backend engineering.

    A task pairs a request with hidden tests; an agent writes a backend in a sealed sandbox; its work is graded from
    outside, over the network.

    \b
    Start here:
      harness doctor                              what this machine can do
      harness run scripts/demo.toml               a run without a key, to see everything work
      harness run --agent backend-developer --model sonnet --attempts 3
      harness show latest                         how it went
    """
    _sweep()


@cli.command()
@click.argument("config", type=FOLDER, required=False)
@click.option("--agent", "agents", multiple=True, help="An agent: name or path, at a revision after @. Repeatable.")
@click.option("--model", "models", multiple=True, help="A model, over the agent's own: anthropic/<id>, … Repeatable.")
@click.option("--scaffold", "scaffolds", multiple=True, help="tools, single-shot, command, oracle or nop. Repeatable.")
@click.option("--tasks", multiple=True, help="A task's id or a pattern; all but controls when left out. Repeatable.")
@click.option("--controls/--no-controls", default=None, help="Add the negative controls: tasks that nobody can pass.")
@click.option("--attempts", type=int, help="Trials of each candidate at each task (1).")
@click.option("--sandbox", type=SANDBOXES, help="Where untrusted code runs (auto).")
@runtime_option
@click.option("--concurrency", type=int, help="Trials under way at once (8).")
@click.option("--grading-slots", type=int, help="Grades under way at once (the cores of this machine).")
@budget_options
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and what it is likely to cost.")
@click.option("--seed", type=int, help="Seed of the order of the trials (0).")
@click.option("--name", help="The run's name; one that exists is continued.")
@click.option("--results", help="The folder of results (results).")
@click.option("--tasks-dir", help="The folder of task packages (tasks).")
@click.option("--agents-dir", help="The folder of agent files (agents).")
def run(config: Path | None, dry_run: bool, **options: Any) -> int:
    """Run candidates at tasks, and write a report.

    CONFIG is an eval file (TOML); each option replaces what it says. Several agents, models and scaffolds make all
    their combinations. A run whose name exists is continued: only trials that are missing or in error are done.

    \b
    Examples:
      harness run scripts/demo.toml
      harness run --agent backend-developer --agent backend-developer@HEAD~1 --model sonnet --attempts 5
      harness run --scaffold oracle --tasks 'rate-*' --sandbox bubblewrap
      harness run nightly.toml --name nightly-7        again after an interrupt: it goes on

    Ends with 0 when every trial has a verdict, 6 when trials are in error or were not started, 75 while another command
    carries this very run out, 130 when interrupted.
    """
    from datetime import datetime

    from harness import config as configuration
    from harness import estimate

    resolved = configuration.load(config, options, datetime.now().strftime("%Y%m%d-%H%M%S"))
    if dry_run:
        return estimate.show(resolved, _console())
    return _carried_out(resolved)


@cli.command()
@click.argument("target", metavar="RUN")
@click.option("--only-unchanged", is_flag=True, help="Leave trials out whose task, agent or image has changed.")
@click.option("--concurrency", type=int, help="Trials under way at once, in place of the run's own.")
@click.option("--grading-slots", type=int, help="Grades under way at once, in place of the run's own.")
@budget_options
@results_option
def resume(target: str, only_unchanged: bool, results: Path, **options: Any) -> int:
    """Go on with a run. Finished trials are kept, trials that were started replay their journal and pay for no turn
    twice, errors are tried again.

    A run measures one thing: when a task, a prompt, an image or a setting has changed since it began, resume refuses
    and says what.

    \b
    Examples:
      harness resume latest
      harness resume nightly-7 --max-cost 40
      harness resume nightly-7 --only-unchanged

    Ends as `harness run` does; with 75 while a night or another resume of this very run is under way.
    """
    from harness import resume as resuming
    from harness import store

    config = resuming.config_of(store.find_run(results, target), options)
    return _carried_out(config, only_unchanged)


@cli.command()
@click.argument("target", metavar="RUN[/TRIAL] | FOLDER")
@click.option("--task", "task_id", metavar="ID", help="Grade FOLDER, laid over this task's workspace.")
@click.option("--seed", type=click.IntRange(0), help="Replay the inputs of a seed; a new one when left out.")
@click.option("--logs", type=FOLDER, help="With --task: write the boxes' output here. It may quote hidden tests.")
@click.option("--whole", is_flag=True, help="With --task: print the whole message of each failed test.")
@jobs_option
@sandbox_option
@runtime_option
@results_option
@tasks_dir_option
def grade(target: str, task_id: str | None, seed: int | None, logs: Path | None, whole: bool, **where: Any) -> int:
    """Grade stored submissions again, or a folder. Nothing on disk is changed.

    RUN is a run's name in the results folder, its path, or `latest`; TRIAL is a trial's id.

    \b
    Examples:
      harness grade latest
      harness grade nightly-7/transfers--0a1b2c3d--1 --seed 4711
      harness grade --task transfers tasks/transfers/submissions/failed-stub --whole

    Ends with 0 when all passed, 1 when something failed.
    """
    from harness import regrade, store, tasks
    from harness.session import open_sandbox

    if task_id:
        task, source = tasks.one(task_id, where["tasks_dir"]), regrade.source_folder(Path(target))
        with open_sandbox(where["sandbox"], _say, where["runtime"]) as sandbox:
            verdict = regrade.folder(task, source, sandbox, seed, logs, _say)
        return regrade.show(verdict, _console(), whole)
    run_dir, trial_id = store.find_target(where["results"], target)
    again = regrade.stored(run_dir, trial_id, where["tasks_dir"], _say)
    with open_sandbox(where["sandbox"], _say, where["runtime"]) as sandbox:
        return regrade.show_all(regrade.grade_all(again, sandbox, seed, where["jobs"], _say))


@cli.command()
@click.argument("target", metavar="RUN[/TRIAL]")
@click.option("--turns", metavar="N-M", help="Of a trial, only these turns: 3-7, 3-, -7 or 3.")
@click.option("--full", is_flag=True, help="Cut no text.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@results_option
def show(target: str, turns: str | None, full: bool, as_json: bool, results: Path) -> int:
    """Show a run, or one trial of it. A run is a table; a trial is its record, its transcript and its verdicts.

    A trial is shown as far as it has come, also while it is under way. What is shown of a trial is private: it quotes
    hidden tests.

    \b
    Examples:
      harness show latest
      harness show nightly-7/transfers--0a1b2c3d--1
      harness show nightly-7/transfers--0a1b2c3d--1 --turns 3-7 --full
    """
    from harness import show as shown
    from harness import store

    run_dir, trial_id = store.find_target(results, target)
    if as_json:
        click.echo(shown.as_json(run_dir, trial_id))
    else:
        shown.show(run_dir, trial_id, _console(), turns, full)
    return 0


@cli.command()
@click.argument("target", metavar="RUN")
@click.option("--private", is_flag=True, help="Put what hidden tests said onto the trials' pages: not for publishing.")
@click.option(
    "--pages",
    type=click.Choice(["some", "all"]),
    default="some",
    show_default=True,
    help="Trials that get a page: of a run of over 2000, those to be read first, or all.",
)
@results_option
def report(target: str, private: bool, pages: str, results: Path) -> int:
    """Write a run's report again. HTML, charts, CSV, Parquet, JUnit and Markdown are made from its records.

    \b
    Examples:
      harness report latest
      harness report latest --private
      harness report nightly-7 --pages all
    """
    from harness import store
    from harness.reports import write_all

    run_dir = store.find_run(results, target)
    click.echo(f"report: {write_all(run_dir, store.load(run_dir), private, pages == 'all')}")
    return 0


@cli.command()
@click.argument("file", metavar="FILE.toml", type=FOLDER)
@click.option("--date", "day", type=DAY, help="The night's date, to catch up with one that is past (today).")
@click.option("--acknowledge", metavar="WHY", help="Run nothing; write down that the alarm that stands was seen.")
@click.option("--bad-since", type=DAY, help="With --acknowledge: the nights from then on were bad, and are left out.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and what it is likely to cost.")
@click.option("--sandbox", type=SANDBOXES, help="Where untrusted code runs (auto).")
@runtime_option
@click.option("--concurrency", type=int, help="Trials under way at once (8).")
@click.option("--grading-slots", type=int, help="Grades under way at once (the cores of this machine).")
@budget_options
@click.option("--results", help="The folder of results (results).")
def nightly(file: Path, day: Any, acknowledge: str | None, bad_since: Any, dry_run: bool, **options: Any) -> int:
    """Carry out tonight's run, and say whether things got worse. It is compared with the nights before, and with a
    baseline that runs along; an alarm is raised when the evidence of several nights adds up.

    FILE is an eval file with a [nightly] table (docs/nightly.md). The night is the run NAME-DATE: a second start on the
    same date goes on with it, and tells the same. Standard output is one line; the rest is in the run's report folder,
    nightly.md and nightly.json.

    \b
    Examples:
      harness nightly evals/nightly.toml
      harness nightly evals/nightly.toml --date 2026-11-27
      harness nightly evals/nightly.toml --acknowledge "the provider changed the model: the new level stands"
      harness nightly evals/nightly.toml --acknowledge "reverted in 3f2a1c" --bad-since 2026-11-25

    \b
    Ends with 0 when all is well, 1 for an alarm, 6 when all is well so far but trials are in error or were not
    started (the same command tries them again), 7 when too few trials have a verdict to decide anything, 75 when
    another night is under way, 130 when interrupted; 2, 3, 4, 5 and 70 as `harness run` does.
    """
    from harness import estimate
    from harness import nightly as nightlies

    config = nightlies.load(file, options)
    if bad_since and acknowledge is None:
        raise click.UsageError("--bad-since goes with --acknowledge WHY")
    if acknowledge is not None:
        click.echo(nightlies.acknowledge(config, acknowledge, bad_since, _say))
        return 0
    date = nightlies.day_of(day)
    if dry_run:
        return estimate.show(nightlies.planned(config, date, file)[0], _console())
    with contextlib.redirect_stdout(sys.stderr):  # progress too: what is left on standard output is the line
        told = nightlies.night(file, config, date, _say)
    _say(f"report: {told.report}")
    click.echo(told.line)
    return told.exit_code


@cli.command(cls=_Judging)
@click.argument("a", metavar="A")
@click.argument("b", metavar="[B]", required=False)
@click.option("--margin", type=float, help="The loss in pass rate that is tolerable (0.05).")
@click.option("--lambda", "value", type=float, default=1.0, show_default=True, help="Dollars a solved task is worth.")
@click.option("--claim", type=CLAIMS, help="The tasks that the verdict is on (like-these).")
@click.option("--families", type=FOLDER, help='A TOML file of tasks that hang together: name = ["task", "pattern-*"].')
@click.option("--anytime", is_flag=True, help="Judge by e-values, which hold whenever one looks; a run ends by them.")
@click.option("--shared", is_flag=True, help="Of unlike runs, compare the tasks that are alike.")
@click.option("--looks", type=click.IntRange(2, 20), help="Agents: looks at the data at which the run may end early.")
@click.option("--sham", is_flag=True, help="Agents: run a sham of B too; with one agent, it is A.")
@click.option("--model", help="Agents: the model of both, over their own.")
@click.option("--scaffold", help="Agents: the scaffold of both (tools).")
@click.option("--tasks", multiple=True, help="Agents: a task's id or a pattern; all tasks when left out. Repeatable.")
@click.option("--attempts", type=int, help="Agents: trials of each candidate at each task (1).")
@click.option("--config", type=FOLDER, help="Agents: an eval file whose settings, prices and options hold for both.")
@click.option("--sandbox", type=SANDBOXES, help="Agents: where untrusted code runs (auto).")
@runtime_option
@click.option("--concurrency", type=int, help="Agents: trials under way at once (8).")
@click.option("--grading-slots", type=int, help="Agents: grades under way at once (the cores of this machine).")
@budget_options
@click.option("--seed", type=int, help="Agents: seed of the order of the trials (0).")
@click.option("--name", help="Agents: the run's name; one that exists is continued.")
@click.option("--tasks-dir", help="Agents: the folder of task packages (tasks).")
@click.option("--json", "json", type=FOLDER, help="Write every figure to this file.")
@click.option("--markdown", type=FOLDER, help="Write a pull request's comment to this file.")
@click.option("--junit", type=FOLDER, help="Write JUnit to this file.")
@click.option("--html", type=FOLDER, help="Write a page of its own to this file.")
@click.option("--charts", type=FOLDER, help="Write charts (SVG, PNG) and their data (CSV) into this folder.")
@agents_dir_option
@results_option
def compare(
    json: Path | None, markdown: Path | None, junit: Path | None, html: Path | None, charts: Path | None, **said: Any
) -> int:
    """Say whether candidate B is better than A. They are paired by task: pass rates with intervals, exact tests, what a
    solved task costs, and the tasks that flipped.

    A and B are runs, or agents that are run for it. A run is RUN or RUN:CANDIDATE, where CANDIDATE is a candidate's
    label, its id, or a part of it that no other has; a run with one LLM candidate needs none, and A alone is a run of
    two candidates. Negative controls, oracle and nop never count. Runs whose tasks, images, sandbox or limits differ
    are refused.

    An agent is a name or a path, at a git revision after @. Both are run as one run, interleaved and with the same
    model, scaffold and settings; the comparison is written into its report. The same command with the same --name goes
    on with it. --looks are planned before the first trial: the run ends at the first one that decides, and the false
    alarms of all looks together stay at 5 %.

    
    Examples:
      harness compare main-7 pr-142 --markdown comment.md
      harness compare nightly-7:sonnet nightly-7:opus --lambda 2.5
      harness compare backend-developer@main backend-developer --model sonnet --attempts 3 --looks 4 --max-cost 40
      harness compare agents/x.md --sham --tasks 'api-*' --name does-the-prompt-do-anything
      harness compare does-the-prompt-do-anything

    
    Ends with the verdict: 0 better, 1 no worse (by more than the margin), 2 worse, 3 inconclusive, 4 invalid (too few
    trials have a verdict, also when the budget ended the run, or a negative control was passed); 64 when it cannot be
    carried out, 130 when it was interrupted.
    """
    from harness import comparing, comparing_page, contest

    asked = contest.asked(**said)
    with comparing.never_a_verdict():
        ended = contest.contest(asked, _say)
        comparing.write(ended.comparison, {"json": json, "markdown": markdown, "junit": junit}, charts)
        if html:
            comparing_page.write(ended.comparison, html)
        if ended.report:
            comparing.write_beside(ended.comparison, ended.report)
            comparing_page.write(ended.comparison, ended.report / "compare.html")
        _console().print(comparing.render(ended.comparison))
    if ended.report:
        click.echo(f"report: {ended.report}")
    if advice := contest.how_to_go_on(ended):
        _say(advice)
    return comparing.EXIT_CODES[ended.comparison.verdict]


@cli.command()
@click.argument("a", metavar="[PILOT]", required=False)
@click.argument("b", metavar="[B]", required=False)
@click.option("--rate", type=float, help="Without a pilot: the pass rate that is expected of A, a share of 1.")
@click.option("--rate-b", type=float, help="That of B; when left out A's and the effect.")
@click.option("--within", type=float, help="The share of a trial's variance that is chance within its task (0.5).")
@click.option("--spread", type=float, help="How far the tasks' true differences spread: their standard deviation.")
@click.option("--effect", type=float, default=0.05, show_default=True, help="The difference that is to be seen.")
@click.option("--cost", type=float, help="Dollars a trial, in place of the pilot's.")
@click.option("--cost-b", type=float, help="Dollars a trial of B; A's when left out.")
@click.option("--seconds", type=float, help="Wall clock of a trial, in place of the pilot's.")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Trials under way at once (the pilot's, or 8).")
@click.option("--trials", type=click.IntRange(1), help="A budget: trials of both arms together.")
@click.option("--max-cost", "dollars", type=float, help="A budget: dollars for both arms together.")
@click.option("--attempts", type=click.IntRange(1, 1000), multiple=True, help="Attempts to look at. Repeatable.")
@click.option(
    "--task-count",
    "counts",
    type=click.IntRange(1, 1_000_000),
    multiple=True,
    help="Look at so many tasks too, which need not exist. Repeatable.",
)
@click.option("--tasks", "names", multiple=True, help="Tasks that there are: an id or a pattern; all. Repeatable.")
@click.option("--looks", type=int, default=1, show_default=True, help="Planned looks, to stop early when decided.")
@click.option("--claim", type=CLAIMS, default="like-these", show_default=True, help="The tasks that it is to be on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@tasks_dir_option
@results_option
def plan(
    a: str | None, b: str | None, results: Path, tasks_dir: Path, names: tuple[str, ...], concurrency: int | None,
    as_json: bool, **options: Any,
) -> int:  # fmt: skip
    """Plan a comparison before money is spent. For tasks times attempts: what it costs, the chance to see an effect,
    and the smallest effect that it sees.

    PILOT is RUN or RUN:CANDIDATE, as for `harness compare`: a run of two candidates, one arm, or with B two arms. In
    place of a pilot --rate says what is expected. With a budget the designs spend it; without one they are those of
    the tasks here, and those that it takes.

    \b
    Examples:
      harness plan latest --effect 0.1
      harness plan nightly-7:sonnet --max-cost 40 --looks 4
      harness plan --rate 0.6 --rate-b 0.67 --effect 0.07 --trials 600 --cost 0.25
    """
    from harness import planning
    from harness.design import Wish

    keys = ("rate", "rate_b", "within", "spread", "cost", "cost_b", "seconds")
    told = planning.Stated(**{key: options.pop(key) for key in keys})
    pilot = planning.read_pilot(results, a, b) if a else []
    made = planning.make(pilot, told, Wish(**options), names, tasks_dir, results, concurrency)
    if as_json:
        click.echo(planning.as_json(made))
    else:
        _console().print(planning.render(made))
        for line in planning.orders(made):
            click.echo(line)
    return 0


@cli.command("aa-check")
@click.argument("target", metavar="[RUN]", required=False)
@click.option("--nights", type=int, default=2000, show_default=True, help="Simulated nights.")
@click.option("--attempts", type=click.IntRange(1, 500), help="Attempts in each arm; half of those stored.")
@click.option("--gate", type=GATES, default="compare", show_default=True, help="The gate that the exit code is on.")
@click.option("--drop", type=float, default=0.02, show_default=True, help="Of the gate `drop`: more than so much down.")
@click.option("--margin", type=float, default=0.05, show_default=True, help="As for `harness compare`.")
@click.option("--claim", type=CLAIMS, default="like-these", show_default=True, help="As for `harness compare`.")
@click.option("--families", type=FOLDER, help="As for `harness compare`.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the nights.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--agent", help="In place of RUN: run this agent as both arms first.")
@click.option("--model", help="The model of that run.")
@click.option("--scaffold", help="The scaffold of that run.")
@click.option("--tasks", multiple=True, help="The tasks of that run: an id or a pattern; all. Repeatable.")
@click.option("--name", help="The name of that run; one that exists is continued.")
@click.option("--concurrency", type=int, help="Trials under way at once in that run (8).")
@click.option("--max-cost", "max_cost_usd", type=float, help="Dollars that the run may cost.")
@click.option("--sandbox", type=SANDBOXES, help="Where untrusted code runs (auto).")
@tasks_dir_option
@agents_dir_option
@results_option
def aa_check(
    target: str | None, results: Path, tasks_dir: Path, agents_dir: Path, families: Path | None, as_json: bool,
    agent: str | None, model: str | None, scaffold: str | None, **options: Any,
) -> int:  # fmt: skip
    """Check that a gate is honest. One candidate is both arms: how often does a gate say that something changed?

    RUN or RUN:CANDIDATE is a stored run: its trials are dealt into two arms, night after night, and each night is
    judged as `harness compare` judges. With --agent (or --scaffold) in its place the candidate is run first, with twice
    the attempts: the odd ones are one arm, the even ones the other.

    Gates: `compare` (better or worse), `drop` (the pass rate fell by more than --drop), `flip` (a task that passed now
    fails).

    \b
    Examples:
      harness aa-check latest
      harness aa-check nightly-7:sonnet --gate drop
      harness aa-check --agent backend-developer --model sonnet --tasks 'rate-*' --attempts 2 --max-cost 5

    Ends with 0 when the gate is honest (its false alarms may be 5 % or less), 1 when it is not, 6 when trials of the
    run have no verdict.
    """
    from harness import aacheck, arms

    keys = ("tasks", "name", "concurrency", "max_cost_usd", "sandbox")
    where = {key: options.pop(key) for key in keys} | {"tasks_dir": str(tasks_dir), "agents_dir": str(agents_dir)}
    asked = aacheck.Check(**options)
    if target is None:
        columns = {"agents": agent, "models": model, "scaffolds": scaffold}
        done = _carried_out(config := aacheck.configuration(columns, where, asked, results))
        if done:
            return done
        target = config.name
    elif agent or model or scaffold:
        raise click.UsageError(
            "a stored run is checked, or an agent is run first: leave out RUN, or --agent and its kin"
        )
    arm = aacheck.read(results, target)
    found = aacheck.check(arm, asked, arms.families(families, [arm]))
    if as_json:
        click.echo(aacheck.as_json(found))
    else:
        _console().print(aacheck.render(found))
    return found.exit_code


@cli.command()
@click.argument("targets", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--out", type=FOLDER, required=True, help="The site's folder: a new one, an empty one, or an earlier site."
)
@click.option("--title", default="Backend leaderboard", show_default=True, help="What the site is called.")
@click.option("--url", default="", help="Where it will be published, for previews of links: https://…/")
@click.option("--shared", is_flag=True, help="Of unlike runs, rank by the tasks that all have alike.")
@click.option("--private", is_flag=True, help="Quote what hidden tests said: not for publishing.")
@results_option
def leaderboard(targets: tuple[str, ...], out: Path, results: Path, **options: Any) -> int:
    """Write a leaderboard of runs, as a static site: rank intervals, cost against pass rate, history, provenance. It
    opens from disk, and holds nothing private unless it is asked for.

    A row is a candidate, pooled over runs that are alike (tasks, images, isolation, runtime); unlike runs are shown
    apart. Without a rank stay: oracle, nop and scripted agents; candidates with too few verdicts or tasks; and runs in
    which a negative control was passed. docs/leaderboard.md says how ranks are made, and describes leaderboard.json.

    \b
    Examples:
      harness leaderboard nightly-7 nightly-8 --out site
      harness leaderboard latest --out public --title 'Our agents' --url https://example.org/agents/
    """
    from harness import store
    from harness.reports import leaderboard_site as site

    runs = [store.find_run(results, target) for target in targets]
    click.echo(f"leaderboard: {site.publish(runs, out, site.Options(**options), _say)}")
    return 0


@cli.command()
@click.argument("targets", metavar="RUN...", nargs=-1, required=True)
@click.option("--format", "kind", type=EXPORTS, default="atif", show_default=True, help="See above.")
@click.option("--out", type=FOLDER, required=True, help="The folder to write to; it must not hold anything.")
@click.option("--splits", is_flag=True, help="hf: a split for each run, in place of one dataset.")
@click.option("--push", metavar="OWNER/NAME", help="hf: upload it too, with the token in HF_TOKEN; private.")
@click.option("--public", is_flag=True, help="With --push: anybody may see it.")
@results_option
def export(
    targets: tuple[str, ...], kind: str, out: Path, splits: bool, push: str | None, public: bool, results: Path
) -> int:
    """Write runs for other tools. `atif` is a JSON file with the transcript of each trial, in the format of Harbor and
    Terminal-Bench, and an index; `parquet` is a table of the trials and one of their turns; `hf` is a dataset of trials
    for the `datasets` library, of one run or several, with a card. Nothing that a hidden test said is in any of them.

    \b
    Examples:
      harness export latest --out trajectories
      harness export nightly-7 --format parquet --out nightly-7-tables
      harness export nightly-6 nightly-7 --format hf --out trials --push our-team/backend-trials
    """
    from harness import export as exporting
    from harness import store

    if kind != "hf" and (len(targets) > 1 or splits or push or public):
        raise click.UsageError(f"--format {kind} takes one RUN; several, --splits and --push are for --format hf")
    if public and not push:
        raise click.UsageError("--public is for --push")
    loaded = [store.load(store.find_run(results, target)) for target in targets]
    if kind == "hf":
        click.echo(exporting.dataset(loaded, out, splits, push, public))
        return 0
    told = exporting.export(loaded[0], kind, out)
    click.echo(f"{out}: {told} trial{'' if told == 1 else 's'} with a transcript")
    return 0


@cli.command()
@click.argument("target", metavar="RUN")
@click.option("--prices", type=FOLDER, help="An eval file whose [prices] go before the table, in place of the run's.")
@results_option
def reprice(target: str, prices: Path | None, results: Path) -> int:
    """Price a run again, from the usage in its journals. Records and report get the new figures; verdicts stay.

    \b
    Examples:
      harness reprice latest
      harness reprice nightly-7 --prices evals/contract.toml
    """
    from harness import reprice as repricing
    from harness import store
    from harness.reports import write_all

    run_dir = store.find_run(results, target)
    repricing.reprice(run_dir, prices, click.echo)
    click.echo(f"report: {write_all(run_dir, store.load(run_dir))}")
    return 0


@cli.group()
def tasks() -> None:
    """List, show, check and make tasks."""


@tasks.command("list")
@click.argument("names", nargs=-1, metavar="[ID]...")
@tasks_dir_option
def tasks_list(names: tuple[str, ...], tasks_dir: Path) -> int:
    """List tasks.

    \b
    Examples:
      harness tasks list
      harness tasks list 'rate-*'
    """
    from harness import tasks as packages

    rows = [
        (
            t.id,
            "impossible" if t.control else t.difficulty,
            t.image,
            ", ".join(s.kind for s in t.services.values()),
            t.title,
        )
        for t in packages.find(names, tasks_dir)
    ]
    _table(("task", "difficulty", "image", "services", "title"), rows)
    return 0


@tasks.command("show")
@click.argument("name", metavar="ID")
@tasks_dir_option
def tasks_show(name: str, tasks_dir: Path) -> int:
    """Show a task. Its facts, its known-wrong submissions and its request are told, its tests are not.

    \b
    Example:
      harness tasks show transfers
    """
    from harness import tasks as packages

    task = packages.one(name, tasks_dir)
    facts = task.model_dump(mode="json", exclude={"instruction"})
    for key, value in facts.items():
        click.echo(f"{key}: {value}")
    for wrong in packages.wrong_submissions(task):
        click.echo(f"{wrong.name}: {wrong.why}; fails {', '.join(wrong.fails)}")
    click.echo(f"\n{task.instruction}")
    return 0


@tasks.command("check")
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("-n", "--seeds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Reference grades.")
@jobs_option
@sandbox_option
@runtime_option
@tasks_dir_option
def tasks_check(
    names: tuple[str, ...], seeds: int, jobs: int, sandbox: str, runtime: str | None, tasks_dir: Path
) -> int:
    """Prove that tasks measure what they say. The reference passes with every seed, nop fails, and every known-wrong
    submission fails in exactly the tests that it names.

    \b
    Examples:
      harness tasks check
      harness tasks check transfers 'rate-*' -n 20 --jobs 4

    Ends with 0 when all is proven, 1 for a gap and for a task that the sandbox cannot serve (it is not proven), 4 or 5
    for an error of the sandbox or the grader, 4 too when the sandbox serves none of the tasks.
    """
    from harness import check
    from harness import tasks as packages
    from harness.session import open_sandbox

    found = packages.find(names, tasks_dir)
    with open_sandbox(sandbox, _say, runtime) as opened:
        return check.check(found, opened, seeds, jobs, _say)


@tasks.command("new")
@click.argument("task_id", metavar="ID")
@tasks_dir_option
def tasks_new(task_id: str, tasks_dir: Path) -> int:
    """Make a new task. It is small, complete, and passes its own check.

    \b
    Example:
      harness tasks new my-task && harness tasks check my-task
    """
    from harness import tasks as packages

    root = packages.new(task_id, tasks_dir)
    click.echo(f"made {root}; docs/tasks.md says what its files are. Next: harness tasks check {task_id}")
    return 0


@tasks.command("coverage")
@click.option("--gaps", is_flag=True, help="Only the lines that no task tests.")
@tasks_dir_option
def tasks_coverage(gaps: bool, tasks_dir: Path) -> int:
    """Show which capabilities are tested. Every line of the map comes with the tasks that test it.

    \b
    Examples:
      harness tasks coverage
      harness tasks coverage --gaps
    """
    from harness import tasks as packages

    rows = packages.coverage(packages.find([], tasks_dir))
    shown = [(r.area, r.text, ", ".join(r.tasks) or "-") for r in rows if not (gaps and r.tasks)]
    _table(("area", "what", "tasks"), shown)
    click.echo(f"{sum(bool(r.tasks) for r in rows)} of {len(rows)} areas have a task")
    return 0


@cli.group()
def agents() -> None:
    """List and show agent files."""


@agents.command("list")
@agents_dir_option
def agents_list(agents_dir: Path) -> int:
    """List agents. A file that cannot be read is told after the others, and makes the exit code 2."""
    from harness import agents as files
    from harness.config import agent_names

    loaded, problems = files.load_all(agents_dir / f"{name}.md" for name in agent_names(agents_dir))
    _table(
        ("agent", "model", "description"),
        [(Path(a.path).stem, a.model or "-", " ".join(a.description.split())) for a in loaded],
    )  # the file's name, because that is what --agent takes
    for problem in problems:
        _say(f"harness: {problem}")
    return problems[0].exit_code if problems else 0


@agents.command("show")
@click.argument("name", metavar="NAME[@REVISION]")
@agents_dir_option
def agents_show(name: str, agents_dir: Path) -> int:
    """Show an agent as the harness reads it. That is every field of its front matter, its digest and its prompt.

    \b
    Examples:
      harness agents show backend-developer
      harness agents show backend-developer@HEAD~1
    """
    from harness import agents as files
    from harness.config import agent_path

    agent = files.load(agent_path(name, str(agents_dir)))
    origin = {"path": agent.path, "revision": agent.revision or "-", "digest": agent.digest}
    for key, value in {"name": agent.id, **agent.front, **origin}.items():
        click.echo(f"{key}: {value}")
    click.echo(f"\n{agent.body}")
    return 0


@cli.group()
def images() -> None:
    """Build images, and tell which are there."""


@images.command("build")
@click.argument("names", nargs=-1, metavar="[IMAGE]...")
@sandbox_option
def images_build(names: tuple[str, ...], sandbox: str) -> int:
    """Make the images that are missing. All of them when none is named; a run does this by itself.

    \b
    Example:
      harness images build python grader --sandbox bubblewrap
    """
    from harness import images as made
    from harness.session import open_sandbox

    with open_sandbox(sandbox, _say) as opened:
        made.build(names or made.NAMES, opened.kind, _say)
    return 0


@images.command("status")
def images_status() -> int:
    """Tell which images are ready."""
    from harness import images as made

    _table(
        ("image", "sandbox", "ready", "tag or folder"),
        [(s.name, s.kind, "yes" if s.ready else "no", s.id) for s in made.status()],
    )
    return 0


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--probe", type=PROBED, is_flag=False, flag_value="all", help="Attack a kind of sandbox from inside; all of them."
)
@runtime_option
def doctor(as_json: bool, probe: str | None, runtime: str | None) -> int:
    """Check what this machine can do. Each finding comes with its remedy.

    With --probe, boxes are made as for an agent, an app and a grader, and code in them tries to reach the host, the
    hidden tests, other trials and the internet, and to use up what there is. The isolation level follows from that.

    \b
    Examples:
      harness doctor
      harness doctor --probe
      harness doctor --probe docker --runtime runsc --json

    Ends with 1 when no sandbox works, and when something that was tried is not blocked.
    """
    from harness import doctor as checkup

    if probe:
        reports = checkup.probe(probe, runtime, _say)
        if as_json:
            click.echo(checkup.probes_as_json(reports))
        else:
            _console().print(checkup.render_probes(reports))
        return 0 if all(report.good for report in reports) else 1
    found = checkup.checks()
    if as_json:
        click.echo(checkup.as_json(found))
    else:
        _console().print(checkup.render(found))
    return 0 if checkup.works(found) else 1


@cli.command()
def gc() -> int:
    """Remove what killed runs left behind. That is containers, networks, volumes, folders and processes."""
    from harness import sandboxes
    from harness.errors import NotAvailable

    for kind, make in sandboxes.REGISTRY.items():
        try:
            gone = make().reap()
        except NotAvailable as error:
            click.echo(f"{kind}: not looked at: {error}")
            continue
        click.echo(f"{kind}: {'removed ' + ', '.join(gone) if gone else 'nothing to remove'}")
    return 0


# --- shown -----------------------------------------------------------------------------------------------------------


def _sweep() -> None:
    """Every command removes what killed runs left; the common case costs one look at a folder."""
    from harness.sandboxes import owner

    if owner.dead_notes():
        from harness.session import sweep

        sweep(_say)


def _say(line: str) -> None:
    """A line of progress, on standard error."""
    click.echo(line, err=True)


def _console() -> Console:
    from rich.console import Console

    # Elsewhere than on a terminal a table is read by a file or a pipe, which has no width to obey.
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from harness.reports.text import plain

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    _console().print(table)


def _carried_out(config: RunConfig, only_unchanged: bool = False) -> int:
    """Carry out a run, show its tables, and return its exit code."""
    from harness.lock import of_a_run
    from harness.run import run as carry_out

    try:
        with of_a_run(config.folder):
            result = carry_out(config, _say, only_unchanged)
    except KeyboardInterrupt:
        _say(f"interrupted: what is finished is kept; `harness resume {config.name}` goes on from there")
        raise
    _show_tables(result.loaded)
    click.echo(f"report: {result.report}")
    return result.exit_code


def _show_tables(loaded: Loaded) -> None:
    from harness.aggregate import aggregate
    from harness.reports import terminal

    _console().print(terminal.render(aggregate(loaded)))


# --- the boundary ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Run the command line and exit. The other broad except: what goes wrong becomes a message and an exit code."""
    try:
        code = cli.main(prog_name="harness", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _leave_at_once(130)
    except Exception as error:  # noqa: BLE001
        code = _explained(error)
    sys.exit(code or 0)


def _explained(error: Exception) -> int:
    """Say what went wrong, and return the exit code; a defect's traceback goes to a file."""
    from harness.errors import EXIT_DEFECT, EXIT_USAGE, HarnessError
    from harness.reports.text import plain
    from harness.secrets import redacted

    if isinstance(error, HarnessError):
        click.echo(f"harness: {plain(redacted(str(error)), lines=True)}", err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in MACHINE_FAULTS:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"harness: {plain(f'{where}{error.strerror}')}: free the disk, or mend the rights", err=True)
        return EXIT_USAGE
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="harness-defect-", suffix=".txt", delete=False) as file:
        file.write(redacted("".join(traceback.format_exception(error))))
    what = plain(redacted(f"{type(error).__name__}: {error}"))
    click.echo(f"harness: a defect of the harness: {what}. Please report it, with {file.name}", err=True)
    return EXIT_DEFECT


def _leave_at_once(code: int) -> NoReturn:
    """Exit without waiting for threads: one may be waiting for a model's answer for minutes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
