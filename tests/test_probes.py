"""Probes: each can fail, all are blocked in a sandbox, and the isolation level follows from what they answered."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import KINDS, opened
from test_sandboxes import ROOT, leftovers, wait

from harness import doctor, probes, sandboxes
from harness.config import load
from harness.errors import ConfigError, NotAvailable, SandboxError
from harness.probes import inside, network, remembered
from harness.probes.level import excused, grade, not_covered, sort_of
from harness.probes.listeners import Listeners, addresses
from harness.probes.probe import Answer, Kernel, Probe, Result, counted, result
from harness.probes.scene import bystander, marked
from harness.protocols import Sandbox
from harness.sandboxes import docker, owner

HOST = Kernel("6.1.0-host", boot_id="boot-of-host")
SAME = Kernel("6.1.0-host", boot_id="boot-of-host", hypervisor=True)
GVISOR = Kernel("4.4.0", lacks=("sched_getattr", "vmsplice"), hypervisor=True)
GUEST = Kernel("5.19.2", boot_id="boot-of-guest", hypervisor=True, product="KVM")


# --- the rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seen", "beneath", "sort"), [
    (SAME, HOST, "shared"),
    (GVISOR, HOST, "user-space"),
    (GUEST, HOST, "machine"),
    (None, HOST, "shared"),
    (GUEST, Kernel(""), "shared"),  # nobody says what lies beneath
    (Kernel("2.6.60", boot_id="boot-of-host", hypervisor=True), HOST, "shared"),  # setarch shows another release
    (Kernel("2.6.60", boot_id="boot-of-host", lacks=("vmsplice",)), HOST, "shared"),  # a filter, not another kernel
    (Kernel("6.1.0-host", lacks=("vmsplice",)), HOST, "shared"),
    (Kernel("5.19.2", boot_id="boot-of-guest", hypervisor=False), HOST, "shared"),
    (Kernel("5.19.2", hypervisor=True), HOST, "shared"),
])  # fmt: skip
def test_which_kernel_a_box_has(seen, beneath, sort):
    assert sort_of(seen, beneath) == sort


REGISTRY = {
    "wall": Probe("climb", "build"),
    "filter": Probe("call", "build", shared_kernel=True),
    "comfort": Probe("hog", "build", contains=False),
}
BLOCKED, HOLE, MUTE, LEFT = "blocked", "open", "untried", "not covered"


@pytest.mark.parametrize(("answers", "kernel", "level"), [
    ((BLOCKED, BLOCKED, BLOCKED), SAME, "L1"),
    ((BLOCKED, BLOCKED, HOLE), SAME, "L1"),
    ((LEFT, BLOCKED, BLOCKED), SAME, "L1"),
    ((HOLE, BLOCKED, BLOCKED), SAME, "L0"),
    ((MUTE, BLOCKED, BLOCKED), SAME, "L0"),
    ((BLOCKED, HOLE, BLOCKED), SAME, "L0"),
    ((BLOCKED, MUTE, BLOCKED), SAME, "L0"),
    ((BLOCKED, HOLE, BLOCKED), GVISOR, "L2"),
    ((BLOCKED, BLOCKED, BLOCKED), GVISOR, "L2"),
    ((HOLE, BLOCKED, BLOCKED), GVISOR, "L0"),
    ((BLOCKED, HOLE, BLOCKED), GUEST, "L3"),
    ((MUTE, BLOCKED, BLOCKED), GUEST, "L0"),
])  # fmt: skip
def test_the_level_follows_from_the_answers(answers, kernel, level):
    raw = [made(name, status) for name, status in zip(REGISTRY, answers, strict=True)]
    found = excused(raw, REGISTRY, sort_of(kernel, HOST))
    graded, notes = grade(found, REGISTRY, kernel, HOST)
    assert graded == level
    assert [n for n in notes if "blocked" in n] == [f"not blocked: {r.name}" for r in found if r.status == HOLE]
    assert [n for n in notes if "tried" in n] == [f"could not be tried: {r.name}" for r in found if r.status == MUTE]
    assert any(n.startswith("kernel ") for n in notes) == (kernel is not SAME)


def test_what_is_open_of_the_boxs_own_kernel_is_told_and_not_counted():
    raw = [made("wall", BLOCKED), made("filter", HOLE), made("comfort", HOLE)]
    assert excused(raw, REGISTRY, "shared") == raw
    wall, filtered, comfort = excused(raw, REGISTRY, "user-space")
    assert (wall.status, filtered.status, comfort.status) == (BLOCKED, LEFT, HOLE)
    assert filtered.found == "found; but of the box's own kernel, not of the host's"
    assert filtered.remedy == ""


def test_no_answer_at_all_is_no_isolation():
    assert grade([], REGISTRY, SAME, HOST) == ("L0", ())


def made(name: str, status: str) -> Result:
    return result(name, "group", REGISTRY[name], Answer(status, "found"))


def test_what_is_not_covered_depends_on_the_kernel_and_the_limits():
    assert [r.name for r in not_covered("shared", "cgroup")] == ["shared-kernel", "side-channels"]
    assert [r.name for r in not_covered("user-space", "cgroup")] == ["side-channels"]
    assert "limits-of-a-user" in [r.name for r in not_covered("shared", "rlimit")]


# --- the registry, and what is shown ---------------------------------------------------------------------------------


def test_every_probe_has_somebody_who_asks_it():
    within = {probes.ASKS_INSIDE.get(name, name) for name, p in probes.REGISTRY.items()}
    assert set(inside.PROBES) <= within
    assert [n for n, p in probes.REGISTRY.items() if p.ask is None and n not in inside.PROBES] == []
    assert set(probes.QUICK) <= probes.REGISTRY.keys()
    assert sum(len(group) for group in probes.GROUPS.values()) == len(probes.REGISTRY)


def test_every_probe_says_what_it_tries_and_what_to_do():
    assert [name for name, probe in probes.REGISTRY.items() if not probe.tried or not probe.remedy] == []


def test_a_result_as_json():
    values = made("wall", HOLE).as_dict()
    assert values == {
        "name": "wall", "group": "group", "tried": "climb", "found": "found", "status": "open", "remedy": "build",
        "seconds": 0.0, "blocked": False,
    }  # fmt: skip
    assert [made("wall", s).blocked for s in (BLOCKED, HOLE, MUTE, LEFT)] == [True, False, None, None]
    assert [made("wall", s).good for s in (BLOCKED, HOLE, MUTE, LEFT)] == [True, False, False, True]
    assert made("wall", BLOCKED).remedy == made("wall", LEFT).remedy == ""


def test_reports_as_json_and_as_a_table():
    report = probes.Report("docker", "L0", ("not blocked: wall",), (made("wall", HOLE), made("filter", BLOCKED)), 1.5)
    told = json.loads(doctor.probes_as_json([report]))
    assert told["good"] is False
    assert told["probes"][0]["level"] == "L0"
    assert [r["blocked"] for r in told["probes"][0]["results"]] == [False, True]
    shown = printed(doctor.render_probes([report]))
    assert "docker: isolation L0" in shown
    assert "climb: found" in shown
    assert "→ build" in shown
    assert "1 open, 1 probes blocked, in 2 s" in shown


def test_counts_name_trouble_first():
    found = [made("wall", s) for s in (BLOCKED, LEFT, HOLE, MUTE, BLOCKED)]
    assert counted(found) == "1 open, 1 untried, 2 probes blocked, 1 not covered"
    assert counted(found[:1]) == "1 probes blocked"


def printed(what) -> str:
    import io

    from rich.console import Console

    console = Console(file=io.StringIO(), width=150, record=True)
    console.print(what)
    return console.export_text()


# --- every probe can fail --------------------------------------------------------------------------------------------

# What walks the whole file system, goes out, or needs the other boxes is left out.
ELSEWHERE = {
    "setuid-programs", "writable-files", "sockets-in-files", "hidden-files", "internet", "outer-names", "another-trial",
    "subnet", "peer-names", "host-broadcasts", "ipv6", "disk",
}  # fmt: skip


@pytest.fixture(scope="module")
def on_host() -> dict[str, str]:
    """What the probes say of a process in no sandbox at all, beside which the marked process and listeners are."""
    names = [name for name in inside.PROBES if name not in ELSEWHERE]
    with Listeners() as host, bystander("canary-of-the-test"), marked(None, "canary-of-the-test") as hidden:
        facts = {
            "host": host.facts(), "yranac": "canary-of-the-test"[::-1], "paths": [str(hidden)], "users": [os.getuid()],
            "namespaces": {"pid": str(Path("/proc/self/ns/pid").readlink())}, "hostname": os.uname().nodename,
        }  # fmt: skip
        argv = [sys.executable, inside.__file__, *names]
        done = subprocess.run(argv, input=json.dumps(facts), capture_output=True, text=True, timeout=60, check=True)
        heard = host.heard()
    told = json.loads(done.stdout)
    assert set(told["answers"]) == set(names)
    assert told["kernel"]["release"] == os.uname().release
    assert any(hit.startswith("tcp") for hit in heard)
    return {name: answer["status"] for name, answer in told["answers"].items()}


@pytest.mark.parametrize("name", [
    "user", "resource-limits", "mounts", "processes", "environments", "command-lines", "other-volumes", "identity",
    "host-services", "host-unix-sockets", "file-size",
])  # fmt: skip
def test_a_probe_outside_any_sandbox_finds_the_door_open(on_host, name):
    assert on_host[name] == "open"


@pytest.mark.skipif(os.geteuid() != 0, reason="what only root may do")
def test_root_outside_any_sandbox_is_held_by_hardly_anything(on_host):
    rooted = {"capabilities", "priority", "writes", "kernel-settings", "namespaces", "mount-calls", "raw-sockets",
              "administration", "netlink", "devices"}  # fmt: skip
    assert {name for name in rooted if on_host[name] != "open"} == set()
    assert sum(status == "open" for status in on_host.values()) >= 25


def test_a_canary_in_a_file_is_found(tmp_path, monkeypatch):
    (tmp_path / "hidden.py").write_text("# canary-in-a-file\n")
    (tmp_path / "other.py").write_text("# nothing\n")
    found = {"recent": [str(p) for p in tmp_path.iterdir()], "size": 2, "left": 0}
    monkeypatch.setattr(inside, "survey", lambda: found)
    status, where = inside.hidden_files({"yranac": "elif-a-ni-yranac"})
    assert (status, where) == ("open", str(tmp_path / "hidden.py"))
    assert inside.hidden_files({"yranac": "erehwon"})[0] == "blocked"
    found["left"] = 1
    assert inside.hidden_files({"yranac": "erehwon"})[0] == "untried"
    assert inside.hidden_files({})[0] == "untried"


def test_a_fault_while_trying_is_no_answer(monkeypatch):
    def broken(_):
        raise PermissionError(13, "no")

    monkeypatch.setitem(inside.PROBES, "seccomp", broken)
    assert inside.answered("seccomp", {})["status"] == "untried"


@pytest.mark.parametrize(("answer", "heard", "status"), [
    ("blocked", [], "blocked"), ("blocked", ["udp 10.0.0.1 direct"], "open"), ("untried", [], "untried"),
    ("untried", ["tcp 10.0.0.1"], "open"), ("open", [], "open"),
])  # fmt: skip
def test_what_the_other_side_heard_counts(answer, heard, status):
    class Scene:
        def tried(self, name):
            return Answer(answer, "x")

    assert network.seen_by("any", lambda scene: heard)(Scene()).status == status


def test_listeners_hear_every_way_in():
    import socket

    with Listeners() as host:
        assert "127.0.0.1" in addresses(socket.AF_INET)
        (address, port) = next(t for t in host.targets if t[0] == "127.0.0.1")
        with socket.create_connection((address, port), 5) as sock:
            assert sock.recv(100).decode().strip() == host.token
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(f"direct {host.token}".encode(), (address, port))
            sock.sendto(b"somebody else's", (address, port))
        wait(lambda: len(host.heard()) == 2)
    assert host.heard() == ["tcp 127.0.0.1", "udp 127.0.0.1 direct"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is told by /proc")
def test_growth_of_the_harness_is_noticed():
    """In a process of its own: this one may give back what earlier tests used, just then."""
    code = (
        "import os, time\nfrom harness.probes import exhaustion\n"
        "with exhaustion.growth() as grown:\n    held = bytearray(os.urandom(1 << 20)) * 64\n    time.sleep(0.2)\n"
        "print(grown[0] >> 20)"
    )
    grown = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 64 <= grown < 200


# --- in the sandboxes ------------------------------------------------------------------------------------------------


def test_everything_is_blocked(sandbox: Sandbox) -> None:
    report = probes.all_probes(sandbox, print)
    bad = {r.name: f"{r.status}: {r.found}" for r in report.results if not r.good}
    assert bad == {}
    assert report.good
    assert report.level in ("L1", "L2", "L3")
    assert {r.name for r in report.results} > probes.REGISTRY.keys()
    allowed = {"identity", "shared-kernel", "side-channels"} if sandbox.isolation.limits == "cgroup" else None
    assert allowed is None or {r.name for r in report.results if r.status == "not covered"} <= allowed
    assert report.seconds < 60
    assert not leftovers(sandbox.kind, owner.me())


def test_a_sandbox_without_its_filter_is_l0(sandbox: Sandbox) -> None:
    """The same boxes, less one wall."""
    weak = opened(sandbox.kind)
    name, without = ("profile", "unconfined") if sandbox.kind == "docker" else ("filter", None)
    setattr(weak, name, without)
    report = probes.quick_probes(weak)
    weak.close()
    assert report.level == "L0"
    assert {"not blocked: seccomp", "not blocked: userfaultfd"} <= set(report.notes)
    assert not report.good


def test_the_level_is_asked_once_and_kept(sandbox: Sandbox, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(remembered, "cache", lambda: tmp_path)
    said: list[str] = []
    first = remembered.isolation(sandbox, said.append)
    assert (first.sandbox, first.level) == (sandbox.kind, "L1")
    assert re.fullmatch(r"isolation: L1, \d+ probes blocked, \d not covered", said[0])
    (kept,) = tmp_path.iterdir()
    monkeypatch.setattr(remembered, "quick_probes", lambda sandbox: pytest.fail("asked again"))
    assert remembered.isolation(sandbox, said.append) == first
    assert said[0] == said[1]
    kept.write_text("{")
    monkeypatch.undo()
    monkeypatch.setattr(remembered, "cache", lambda: tmp_path)
    assert remembered.isolation(sandbox, said.append) == first
    assert json.loads(kept.read_text())["level"] == "L1"


class Broken:
    """A sandbox that makes no box."""

    kind = "docker"
    isolation = docker.Isolation(sandbox="docker", level="L0", limits="cgroup", notes=("runtime x",))

    def identity(self):
        raise SandboxError("the engine is gone\nand more")


def test_a_sandbox_that_cannot_be_probed_is_l0_and_says_why():
    said: list[str] = []
    found = remembered.isolation(Broken(), said.append)  # type: ignore[arg-type]
    assert found.level == "L0"
    assert found.notes == ("runtime x", "the probes failed: the engine is gone")
    assert said == ["isolation: L0, the probes failed: the engine is gone"]


def test_an_answer_with_a_hole_is_not_kept(tmp_path, monkeypatch):
    class Holed(Broken):
        def identity(self):
            return {"engine": "1", "kernel": "6"}

    monkeypatch.setattr(remembered, "cache", lambda: tmp_path)
    report = probes.Report("docker", "L0", ("not blocked: wall",), (made("wall", HOLE),), 1.0)
    monkeypatch.setattr(remembered, "quick_probes", lambda sandbox: report)
    said: list[str] = []
    found = remembered.isolation(Holed(), said.append)  # type: ignore[arg-type]
    assert (found.level, found.notes) == ("L0", ("runtime x", "not blocked: wall"))
    assert said == ["isolation: L0, 1 open, 0 probes blocked; not blocked: wall"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_leaves_nothing(kind: str) -> None:
    opened(kind).close()
    argv = [sys.executable, "-m", "harness", "doctor", "--probe", kind]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        label = owner.me().rsplit("/", 2)[0] + f"/{process.pid}/{owner.started(process.pid)}"
        assert process.stderr is not None
        while not process.stderr.readline().startswith(b"probes:"):
            assert process.poll() is None
        time.sleep(2.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        process.stderr.read()
    wait(lambda: not leftovers(kind, label) and not of_probes(), 10)


def of_probes() -> list[str]:
    """Processes of probes that still run."""
    shown = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    return [s.decode() for s in shown if b"inside.py" in s and b"serve" in s]


# --- runtimes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runtime", [None, "runc", "runsc"])
def test_a_runtime_that_the_engine_offers_is_taken(runtime):
    assert docker.offered({"Runtimes": {"runc": {}, "runsc": {}}}, runtime) == runtime


@pytest.mark.parametrize("runtime", ["runsc", "kata", ""])
def test_a_runtime_that_it_does_not_offer_is_refused(runtime):
    with pytest.raises(NotAvailable, match=r"it offers: io.containerd.runc.v2, runc\. For gVisor install `runsc`"):
        docker.offered({"Runtimes": {"runc": {}, "io.containerd.runc.v2": {}}}, runtime)


def test_bubblewrap_has_no_runtimes():
    with pytest.raises(ConfigError, match="bubblewrap has none"):
        sandboxes.choose("bubblewrap", print, "runsc")


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker", "auto"])
def test_every_box_gets_the_runtime(kind) -> None:
    opened("docker").close()
    named = next(n for n in docker.containers.connect().info()["Runtimes"] if n.startswith("io.containerd.runc"))
    sandbox = sandboxes.choose(kind, print, named)
    assert sandbox.isolation.notes == (f"runtime {named}",)
    assert sandbox.identity()["runtime"] == named
    with sandbox.cell({"space": 16}) as cell:
        boxes = [
            cell.box(docker.BoxSpec(role=role, image=image, argv=("sleep", "60"), mounts={"space": "/workspace"}))
            for role, image in (("agent", "python"), ("grader", "grader"))
        ]
        found = [box.api.inspect_container(box.id)["HostConfig"]["Runtime"] for box in boxes]  # type: ignore[attr-defined]
        boxes[0].start()
        assert boxes[0].exec(["true"], seconds=10).exit_code == 0
    assert found == [named, named]


def test_a_runtime_in_an_eval_file_and_on_the_command_line(tmp_path):
    file = tmp_path / "eval.toml"
    file.write_text('runtime = "runsc"\n[[candidates]]\nscaffold = "oracle"\n')
    written, given = (load(file, options, "now") for options in ({}, {"runtime": "kata"}))
    assert (written.runtime, given.runtime) == ("runsc", "kata")
    assert 'runtime = "runsc"' in written.resolved()
    assert written.measures() != given.measures()


@pytest.mark.parametrize(("info", "advised"), [
    ({"Runtimes": {"runc": {}, "runsc": {}}, "DefaultRuntime": "runc"}, True),
    ({"Runtimes": {"runc": {}, "runsc": {}}, "DefaultRuntime": "runsc"}, False),
    ({"Runtimes": {"runc": {}}}, False), ({}, False),
])  # fmt: skip
def test_gvisor_is_recommended_where_it_is_there(info, advised):
    assert ("--runtime runsc" in doctor._runtime_advice(info)) is advised
