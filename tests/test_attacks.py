"""The attack corpus: every folder is well-formed, the attempts are real, and the runner tells what deviates."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from harness import tasks
from harness.errors import UsageError
from harness.protocols import Sandbox

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "tests" / "attacks"
FOLDERS = sorted(p.parent for p in CORPUS.glob("*-*/attack.toml"))
# Each quick, and of another way: a forged verdict, an attempt behind the gate, work in the agent's sandbox.
QUICK = ("forge-control-lines", "escape-namespaces", "freeze-symlinks")
# Refused in every sandbox, and allowed to an ordinary process of this machine: such an attempt must get through here.
REAL = ("escape-keyrings", "escape-io-uring", "escape-ptrace", "escape-capabilities", "read-environment")


def module(name: str) -> ModuleType:
    """A script of scripts/ as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert found and found.loader
    made = importlib.util.module_from_spec(found)
    sys.modules[name] = made
    found.loader.exec_module(made)
    return made


module("attack_reports")  # which attacks.py imports
attacks = module("attacks")


def copied(name: str, place: Path, **changes: str) -> Path:
    """A copy of an attack outside of the corpus, with words of its attack.toml replaced."""
    folder = Path(shutil.copytree(CORPUS / name, place / name))
    text = (folder / "attack.toml").read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "attack.toml").write_text(text)
    return folder


# --- the corpus ------------------------------------------------------------------------------------------------------


def test_every_folder_is_an_attack() -> None:
    made = {
        p.name for p in CORPUS.iterdir() if p.is_dir() and not p.name.startswith(("_", ".")) and p.name != "targets"
    }
    assert made == {folder.name for folder in FOLDERS}
    assert len(FOLDERS) >= 60


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_attack_is_well_formed(folder: Path) -> None:
    found = attacks.load(folder)
    files = attacks.handed_in(found)
    assert files or found.file.base == "workspace"
    assert "\n" not in found.file.tries
    assert any((folder / name).exists() for name in ("files", "agent.sh")) or found.file.with_


def test_every_class_has_several_attacks_with_words_of_their_own() -> None:
    found = [attacks.load(folder) for folder in FOLDERS]
    assert min(Counter(a.kind for a in found).get(kind, 0) for kind in attacks.CLASSES) >= 5
    assert len({a.file.tries for a in found}) == len(found)
    assert {a.file.expect for a in found} == {"passed", "failed"}


def test_taking_turns_reaches_every_attack_on_every_sandbox() -> None:
    kinds = ["docker", "bubblewrap"]
    found = [attacks.load(folder) for folder in FOLDERS[:7]]
    turns = [attacks.shares(found, kinds, turn) for turn in (41, 42)]
    for shared in turns:
        assert sorted(a.folder.name for part in shared.values() for a in part) == [a.folder.name for a in found]
    for kind in kinds:
        assert {a.folder.name for shared in turns for a in shared[kind]} == {a.folder.name for a in found}
    assert attacks.shares(found, kinds, None) == dict.fromkeys(kinds, found)


def test_nothing_of_the_corpus_is_collected_as_a_test() -> None:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "tests/test_attacks.py" in done.stdout, done.stdout + done.stderr
    assert "attacks/" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["notes", "ledger"])
def test_target_is_a_task(name: str) -> None:
    task = tasks.load(CORPUS / "targets" / name)
    assert task.limits.grade_seconds <= 60
    assert task.limits.memory_mb <= 256
    assert len(tasks.wrong_submissions(task)) >= 5


@pytest.mark.parametrize("name", REAL)
def test_attempt_gets_through_where_there_is_no_sandbox(name: str) -> None:
    """An attempt that cannot succeed anywhere would prove nothing by failing."""
    code = "import attempt, sys; found = attempt.attempt(); print(found); sys.exit(0 if found else 9)"
    argv = [sys.executable, "-B", "-c", code]
    environment = {"PATH": "/usr/bin:/bin", "GRADE_SEED": "1"}
    done = subprocess.run(
        argv, cwd=CORPUS / name / "files", capture_output=True, text=True, check=False, timeout=20, env=environment
    )
    assert done.returncode in (0, 9), done.stderr
    if done.returncode == 9 and name != "read-environment":
        pytest.skip(f"this machine refuses it to everybody: {done.stdout}")
    assert done.returncode == 0


# --- what is wrong is told -------------------------------------------------------------------------------------------

WRONG = {
    "an unknown key": ('expect = "failed"', 'expect = "failed"\nexpects = "failed"', "expects"),
    "an outcome that is none": ('expect = "failed"', 'expect = "error"', "expect"),
    "a target that is not there": ('target = "notes"', 'target = "bank"', "target"),
    "two lines": ('tries = "', 'tries = "two\\nlines of it ', "tries"),
    "a shared folder that is not there": ('with = ["stub"]', 'with = ["nothing"]', "nothing"),
    "a limit that is none": ('expect = "failed"', 'expect = "failed"\nlimits = { hours = 1 }', "limits"),
}


@pytest.mark.parametrize(("old", "new", "word"), WRONG.values(), ids=WRONG)
def test_wrong_attack_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    folder = copied("forge-control-lines", tmp_path, **{old: new})
    with pytest.raises(UsageError, match=word):
        attacks.load(folder)


def test_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert attacks.main(["no-such-attack"]) == UsageError.exit_code
    assert "no-such-attack" in capsys.readouterr().err


def seen(outcome: str, **more: object) -> object:
    return attacks.Seen(outcome, **{"seconds": 1.0, **more})


DEVIATIONS = [
    (seen("failed"), seen("passed"), None),
    (seen("passed"), seen("passed"), "ended as passed"),
    (seen("error", detail="grader: broke"), seen("passed"), "grader: broke"),
    (seen("failed", seconds=99.0), seen("passed"), "took 99 s"),
    (seen("failed"), seen("failed", detail="slow"), "the reference beside it ended as failed: slow"),
    (seen("failed", faults=("csv: a formula",)), seen("passed"), "a formula"),
]


@pytest.mark.parametrize(("mine", "honest", "said"), DEVIATIONS)
def test_deviations(mine: object, honest: object, said: str | None) -> None:
    file = attacks.load(CORPUS / "forge-control-lines").file
    found = list(attacks.deviations(file, mine, honest))
    assert found == [] if said is None else len(found) == 1 and said in found[0]


def test_missing_freeze_note_deviates() -> None:
    file = attacks.load(CORPUS / "freeze-symlinks").file
    mine = seen("passed", notes=("a: left out, a FIFO",))
    [found] = attacks.deviations(file, mine, seen("passed"))
    assert "symbolic link" in found


def test_summary_counts_points_only_where_none_was_to_be_had() -> None:
    def result(expect: str, got: str, *deviations: str) -> object:
        return attacks.Result(expect, got, 1.0, "passed", deviations=deviations)

    done = {
        "a": {"docker": result("failed", "failed"), "bubblewrap": result("failed", "passed", "through")},
        "b": {"docker": result("passed", "passed"), "bubblewrap": result("failed", "error", "broke")},
    }
    counts = attacks.summary(done, 3.0, {})
    wanted = {"attacks": 2, "grades": 4, "points_earned": 1, "truly_served": 1, "errors": 1, "hangs": 0}
    assert {k: counts[k] for k in wanted} == wanted
    assert (counts["honest_passed"], counts["deviations"]) == (4, 2)


# --- carried out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUICK)
def test_quick_attack_ends_as_it_must(sandbox: Sandbox, name: str) -> None:
    [result] = attacks.carry_out([attacks.load(CORPUS / name)], sandbox)
    assert (result.got, result.honest) == (result.expect, "passed"), result
    assert not result.deviations


def test_wrong_expectation_is_exit_1(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real case: a stub that is expected to pass, outside of the corpus."""
    folder = copied("fake-always-200", tmp_path, **{'expect = "failed"': 'expect = "passed"'})
    target = tmp_path / "out.json"
    assert attacks.main([str(folder), "--sandbox", sandbox.kind, "--json", str(target)]) == 1
    assert "ended as failed, expected passed" in capsys.readouterr().out
    told = json.loads(target.read_text())
    [attack] = told["attacks"]
    assert set(attack) == {"name", "class", "tries", "target", "results"}
    result = attack["results"][sandbox.kind]
    assert (result["expect"], result["got"], result["honest"]) == ("passed", "failed", "passed")
    assert told["summary"]["deviations"] == 1
