"""The conformance suite: what every sandbox must do, and must not let happen. Each test runs on each kind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import archive, sandboxes
from harness.protocols import Box, Cell, Sandbox
from harness.sandboxes import owner
from harness.types import BoxSpec

ROOT = Path(__file__).parent.parent
SLEEP = ("sleep", "infinity")


@pytest.fixture
def cell(sandbox: Sandbox) -> Iterator[Cell]:
    with sandbox.cell({"space": 16, "other": 16}) as cell:
        yield cell


def make(cell: Cell, *argv: str, **options: object) -> Box:
    """Start a box with the volume `space` as its workspace."""
    facts = {"role": "app", "image": "python", "mounts": {"space": "/workspace"}, "workdir": "/workspace", **options}
    box = cell.box(BoxSpec(argv=argv or SLEEP, **facts))  # type: ignore[arg-type]
    box.start()
    return box


def shell(box: Box, command: str, seconds: float = 20, **options: object) -> str:
    """Run a command that must succeed; its output, without the last line end."""
    done = box.exec(["sh", "-c", command], seconds=seconds, **options)  # type: ignore[arg-type]
    assert done.exit_code == 0, (done.exit_code, done.stdout, done.stderr)
    return done.stdout.decode().rstrip("\n")


def python(box: Box, code: str) -> str:
    """Run Python code that must succeed; its output."""
    done = box.exec(["python", "-c", code], seconds=30)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def wait(condition: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


# --- running ---------------------------------------------------------------------------------------------------------


def test_exec_gives_output_code_and_takes_input(cell: Cell) -> None:
    box = make(cell)
    done = box.exec(["sh", "-c", "cat; echo oops >&2; exit 7"], seconds=10, stdin=b"hello" * 50_000)
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"hello" * 50_000, b"oops\n")


def test_exec_keeps_at_most_the_cap(cell: Cell) -> None:
    done = make(cell).exec(["head", "-c", "50000000", "/dev/zero"], seconds=20, cap=1000)
    assert len(done.stdout) == 1000
    assert done.truncated


def test_exec_ends_at_its_limit_with_its_children(cell: Cell) -> None:
    box = make(cell)
    begun = time.monotonic()
    done = box.exec(["sh", "-c", "sleep 654 & sleep 321"], seconds=1)
    assert done.exit_code is None
    assert time.monotonic() - begun < 10
    assert "sleep 321" not in shell(box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


def test_a_background_process_outlives_its_command_but_not_the_box(cell: Cell) -> None:
    box = make(cell)
    shell(box, "(while true; do date +%N > beat; sleep 0.05; done) >/dev/null 2>&1 &")
    first = shell(box, "sleep 0.3; cat beat")
    assert shell(box, "sleep 0.3; cat beat") != first
    box.kill()
    beats = [{e.path: b"".join(e.chunks) for e in cell.entries("space")}["beat"] for _ in range(2)]
    assert beats[0] == beats[1]


def test_a_command_whose_child_holds_the_output_ends(cell: Cell) -> None:
    begun = time.monotonic()
    assert shell(make(cell), "sleep 60 & echo done", seconds=50) == "done"
    assert time.monotonic() - begun < 20


def test_state_and_logs_of_a_main_process_that_ends(cell: Cell) -> None:
    box = make(cell, "sh", "-c", "echo to-stdout; echo to-stderr >&2; exit 3")
    wait(lambda: not box.state().running)
    assert box.state().exit_code == 3
    wait(lambda: b"to-stdout" in box.logs() and b"to-stderr" in box.logs())


def test_logs_of_a_flood_are_the_last_bytes(cell: Cell) -> None:
    box = make(cell, "sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo the end; exec sleep 60")
    wait(lambda: b"the end" in box.logs(200), 60)
    assert len(box.logs(200)) <= 200


def test_stop_asks_first_and_kill_does_not(cell: Cell) -> None:
    trap = "trap 'echo asked >> log; exit 0' TERM; echo up >> log; while true; do sleep 0.05; done"
    box = make(cell, "sh", "-c", trap)
    wait(lambda: "up" in read(cell, "log"))
    box.stop(5)
    assert read(cell, "log").split() == ["up", "asked"]
    box.start()
    wait(lambda: read(cell, "log").split() == ["up", "asked", "up"])
    box.kill()
    assert not box.state().running
    box.kill()  # a second one is fine
    assert read(cell, "log").split() == ["up", "asked", "up"]


def test_stop_kills_what_does_not_listen(cell: Cell) -> None:
    box = make(cell, "sh", "-c", "trap '' TERM; while true; do sleep 0.05; done")
    box.stop(1)
    assert not box.state().running


def test_channel_carries_lines_both_ways(cell: Cell) -> None:
    box = make(cell, "sh", "-c", 'while read line; do echo "got $line"; done', channel=True)
    box.channel().send(b"one")
    assert box.channel().receive(10) == b"got one"
    with pytest.raises(TimeoutError):
        box.channel().receive(0.2)
    box.channel().send(b"x" * 100_000)
    assert box.channel().receive(10) == b"got " + b"x" * 100_000
    box.kill()
    assert box.channel().receive(5) is None if cell.isolation.sandbox == "docker" else True


# --- volumes ---------------------------------------------------------------------------------------------------------


def read(cell: Cell, path: str) -> str:
    found = {e.path: b"".join(e.chunks) for e in cell.entries("space")}
    return found.get(path, b"").decode()


def test_volume_outlives_kill_and_start(cell: Cell) -> None:
    box = make(cell)
    shell(box, "echo kept > file")
    box.kill()
    assert read(cell, "file") == "kept\n"
    box.start()
    assert shell(box, "cat file") == "kept"


def test_written_files_belong_to_the_box(cell: Cell) -> None:
    cell.write("space", archive.entries({"a/run.sh": (b"#!/bin/sh\necho hi\n", 0o755), "b": (b"x", 0o644)}))
    box = make(cell)
    assert (
        shell(box, "./a/run.sh && echo y >> b && mkdir a/c && cat b && stat -c %u b | grep -vx 0 >/dev/null")
        == "hi\nxy"
    )


def test_entries_tell_what_is_no_file(cell: Cell) -> None:
    box = make(cell)
    shell(box, "ln -s /etc/passwd link; mkfifo pipe; ln -s / root; mkdir -p d/e; echo x > d/e/f; ln d/e/f hard")
    box.kill()
    kinds = {e.path: e.kind for e in cell.entries("space")}
    assert kinds["link"] == kinds["root"] == "symbolic link"
    assert kinds["d"] == "dir"
    assert kinds["pipe"] not in ("file", "dir")
    assert "hard link" in (kinds["hard"], kinds["d/e/f"])


def test_volumes_are_capped_and_apart(cell: Cell) -> None:
    box = make(cell)
    done = box.exec(["sh", "-c", "head -c 100000000 /dev/zero > big"], seconds=30)
    assert done.exit_code != 0
    assert b"space" in done.stderr
    other = make(cell, mounts={"other": "/workspace"})
    assert shell(other, "ls -A") == ""


# --- isolation -------------------------------------------------------------------------------------------------------


def test_the_harness_environment_and_files_are_out_of_reach(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "geheim-4711")
    box = make(cell)
    leak = box.exec(["sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; env"], seconds=10)
    assert b"geheim" not in leak.stdout
    assert box.exec(["ls", str(ROOT / "tasks")], seconds=10).exit_code != 0
    assert box.exec(["ls", str(ROOT / "harness")], seconds=10).exit_code != 0


def test_no_privileges(cell: Cell) -> None:
    box = make(cell)
    status = dict(line.split(":", 1) for line in shell(box, "cat /proc/self/status").splitlines())
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert "0" not in status["Uid"].split()


@pytest.mark.parametrize("path", ["/usr/x", "/etc/x", "/x", "/opt/x", "/bin/x"])
def test_the_root_is_read_only(cell: Cell, path: str) -> None:
    assert make(cell).exec(["touch", path], seconds=10).exit_code != 0


CALLS = {
    "unshare(user)": "libc.unshare(0x10000000)",
    "unshare(mount)": "libc.unshare(0x20000)",
    "setns": "libc.setns(os.open('/proc/self/ns/net', 0), 0)",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
    "io_uring_setup": "libc.syscall(425, 8, ctypes.create_string_buffer(200))",
    "keyctl": "libc.syscall(250 if os.uname().machine == 'x86_64' else 219, 0, -3, 1)",
    "bpf": "libc.syscall(321 if os.uname().machine == 'x86_64' else 280, 0, 0, 0)",
    "clone(new user)": "libc.syscall(56 if os.uname().machine == 'x86_64' else 220, 0x10000011, 0, 0, 0, 0)",
}


@pytest.mark.parametrize("name", CALLS)
def test_a_forbidden_system_call_fails(cell: Cell, name: str) -> None:
    code = f"import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); print({CALLS[name]})"
    assert python(make(cell), code) == "-1"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG"])
def test_a_forbidden_socket_fails(cell: Cell, family: str) -> None:
    code = f"""
import socket
try:
    socket.socket(socket.{family}, socket.SOCK_STREAM if '{family}' == 'AF_VSOCK' else socket.SOCK_RAW)
    print('open')
except OSError:
    print('refused')
"""
    assert python(make(cell), code) == "refused"


def test_threads_and_child_processes_work(cell: Cell) -> None:
    code = "import multiprocessing as m; print(m.get_context('spawn').Pool(2).map(abs, [-1, -2]))"
    code = f"if __name__ == '__main__':\n    {code}"
    box = make(cell)
    shell(box, f"cat > pool.py <<'EOF'\n{code}\nEOF")
    assert shell(box, "python pool.py", 30) == "[1, 2]"


@pytest.mark.parametrize("aim", ["1", "-1"])
def test_a_box_that_ends_itself_is_told_and_can_be_started_again(cell: Cell, aim: str) -> None:
    box = make(cell)
    box.exec(["sh", "-c", f"for n in INT HUP USR1 USR2 QUIT TERM KILL; do kill -$n {aim}; done"], seconds=10)
    assert box.state().running in (True, False)
    box.stop(1)
    assert not box.state().running
    box.start()
    assert shell(box, "echo here") == "here"


def test_a_hog_in_a_command_leaves_the_box_alive(cell: Cell) -> None:
    box = make(cell, memory_mb=100)
    assert box.exec(["python", "-c", "x = bytearray(1 << 30)"], seconds=30).exit_code != 0
    assert shell(box, "echo here") == "here"


def test_a_fork_bomb_is_bounded_and_dies_at_once(cell: Cell) -> None:
    box = make(cell, "sh", "-c", "b() { b | b & }; b; sleep 100", pids=64)
    time.sleep(1)
    begun = time.monotonic()
    box.kill()
    assert time.monotonic() - begun < 10


def test_memory_is_bounded_and_told(cell: Cell) -> None:
    box = make(cell, "python", "-c", "x = bytearray(1 << 30); print(len(x))", memory_mb=100)
    wait(lambda: not box.state().running, 30)
    state = box.state()
    assert state.exit_code != 0
    assert state.out_of_memory or cell.isolation.limits == "rlimit"
    assert b"1073741824" not in box.logs()


# --- network ---------------------------------------------------------------------------------------------------------

SERVE = (
    "import http.server as h, os; h.ThreadingHTTPServer(('0.0.0.0', 8000), h.SimpleHTTPRequestHandler).serve_forever()"
)
ASK = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
s.settimeout(3)
s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
print(s.recv(15).decode())
"""


def test_names_of_the_machine_itself_resolve(cell: Cell) -> None:
    done = make(cell).exec(
        ["python", "-c", "import socket, pwd, os; print(socket.gethostbyname('localhost'))"], seconds=20
    )
    assert done.stdout.strip() == b"127.0.0.1", done.stderr


def ask(box: Box, address: str, port: int = 8000) -> str:
    done = box.exec(["python", "-c", ASK, address, str(port)], seconds=20)
    return done.stdout.decode().strip()


def test_boxes_of_a_cell_meet_until_one_is_cut_off(cell: Cell) -> None:
    server, client = make(cell, "python", "-c", SERVE), make(cell, mounts={"other": "/workspace"})
    wait(lambda: ask(client, server.address).startswith("HTTP/1.0 200"))
    server.cut()
    assert ask(client, server.address) == ""
    server.heal()
    wait(lambda: ask(client, server.address).startswith("HTTP/1.0 200"))


def test_cells_do_not_meet(sandbox: Sandbox, cell: Cell) -> None:
    server = make(cell, "python", "-c", SERVE)
    wait(lambda: ask(make(cell, mounts={"other": "/workspace"}), server.address).startswith("HTTP/1.0 200"), 30)
    with sandbox.cell({"space": 16}) as second:
        assert ask(make(second), server.address) == ""


def test_the_host_is_out_of_reach(cell: Cell) -> None:
    """Not by the loopback, and not by the address that a bridge's gateway would have."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        box = make(cell)
        gateway = box.address.rsplit(".", 1)[0] + "." + str((int(box.address.rsplit(".", 1)[1]) & 0xF0) + 1)
        assert ask(box, "127.0.0.1", port) == ""
        assert ask(box, gateway, port) == ""


def test_there_is_no_way_out(cell: Cell) -> None:
    """A default route, where Docker sets one, leads to a gateway whose address nobody holds."""
    box = make(cell)
    routes = [r.split() for r in shell(box, "cat /proc/net/route").splitlines()[1:]]
    for gateway in [r[2] for r in routes if r[1] == "00000000"]:
        address = socket.inet_ntoa(bytes.fromhex(gateway)[::-1])
        assert ask(box, address, 53) == ""
        neighbours = [line.split() for line in shell(box, "cat /proc/net/arp").splitlines()[1:]]
        assert [n[2] for n in neighbours if n[0] == address] in ([], ["0x0"])


# --- cleaning up -----------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from harness import sandboxes
from harness.types import BoxSpec
sandbox = sandboxes.choose(sys.argv[1], lambda line: None)
with sandbox.cell({"space": 16}) as cell:
    box = cell.box(BoxSpec(role="app", image="python", argv=("sleep", "87654"), mounts={"space": "/workspace"}))
    box.start()
    box.exec(["sh", "-c", "sleep 87653 >/dev/null 2>&1 &"], seconds=5)
    print("up", flush=True)
    time.sleep(600)
"""


def leftovers(kind: str, label: str) -> list[str]:
    """What is left of a harness process: containers, networks, volumes; or processes."""
    if kind == "bubblewrap":
        shown = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
        return [s.decode() for s in shown if b"87654" in s or b"87653" in s]
    from harness.images.containers import connect

    api, chosen = connect().api, {"label": f"{owner.LABEL}={label}"}
    found = api.containers(all=True, filters=chosen) + api.networks(filters=chosen)
    return [str(f) for f in found + (api.volumes(filters=chosen)["Volumes"] or [])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_harness_leaves_nothing_after_the_next_start(sandbox: Sandbox, number: signal.Signals) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.default_int_handler)" + HOLD
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", code, sandbox.kind]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        label = owner.me().rsplit("/", 2)[0] + f"/{process.pid}/{owner.started(process.pid)}"
        assert leftovers(sandbox.kind, label)
        process.send_signal(number)
        process.wait(60)
    if number == signal.SIGKILL:
        time.sleep(0.2)
        sandboxes.choose(sandbox.kind, print).reap()
    wait(lambda: not leftovers(sandbox.kind, label), 10)


def test_reaping_leaves_the_living_alone(sandbox: Sandbox, cell: Cell) -> None:
    box = make(cell)
    sandbox.reap()
    assert shell(box, "echo here") == "here"


def test_owner_labels_tell_the_dead_from_the_living() -> None:
    here = owner.me()
    where, boot, pid, ticks = here.split("/")
    assert not owner.is_dead(here)
    assert owner.is_dead(f"{where}/{boot}/{pid}/1{ticks}")
    assert owner.is_dead(f"{where}/another-boot/{pid}/{ticks}")
    assert not owner.is_dead(f"elsewhere/{boot}/{pid}/1{ticks}")
    assert not owner.is_dead("nonsense")


def test_images_are_recorded(cell: Cell) -> None:
    make(cell)
    assert cell.images["python"]
    assert json.dumps(cell.isolation.model_dump())
