"""The doctor: every finding is true, has its remedy, and tells no secret."""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from collections import namedtuple

import pytest
from rich.console import Console

from harness import doctor
from harness.doctor import BUBBLEWRAP, DOCKER, Check

# The Docker library drops a socket that could not connect without closing it.
DROPPED = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = pytest.mark.filterwarnings(DROPPED)
NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture(autouse=True)
def dropped_sockets_end_here():
    """Let the dropped sockets be found in this module's tests, not in those of another."""
    yield
    gc.collect()


def test_every_check_that_is_not_good_has_a_remedy(tmp_path):
    found = doctor.checks(env={"PATH": os.environ["PATH"], **NOWHERE}, folder=tmp_path)
    assert [check for check in found if check.ok is not True and not check.remedy] == []
    assert len({check.name for check in found}) == len(found)


@pytest.mark.parametrize(
    "host", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:9", "nonsense://", "tcp://127.0.0.1:x"]
)
def test_a_daemon_that_does_not_answer_is_a_finding(host):
    check = doctor.docker({"DOCKER_HOST": host})
    assert check.ok is False
    assert "no answer" in check.found
    assert "\n" not in check.found
    assert "DOCKER_HOST" in check.remedy


def test_an_engine_is_described():
    info = {
        "ServerVersion": "20.10.24",
        "CgroupVersion": "2",
        "Driver": "overlay2",
        "Runtimes": {"runsc": {}, "runc": {}},
    }
    assert doctor._engine(info) == "engine 20.10.24, cgroup v2, storage overlay2, runtimes: runc, runsc"


def script(tmp_path, text):
    path = tmp_path / "bwrap"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_bubblewrap_is_tried_and_not_believed(tmp_path):
    refusing = script(tmp_path, '[ "$1" = --version ] && { echo bubblewrap 0.11.0; exit 0; }; exit 1')
    check = doctor.try_bubblewrap(refusing)
    assert (check.ok, check.found) == (False, f"{refusing}: namespaces do not work here")
    assert "user namespaces" in check.remedy


def test_bubblewrap_that_works_tells_its_version(tmp_path):
    check = doctor.try_bubblewrap(script(tmp_path, "echo bubblewrap 0.11.0"))
    assert check.ok is True
    assert check.found.startswith("bubblewrap 0.11.0 at")


def test_a_bubblewrap_that_is_not_there_is_a_finding():
    assert doctor.try_bubblewrap("/nonexistent/bwrap").ok is False


@pytest.mark.parametrize(("docker", "bubblewrap", "works"), [
    (True, True, True), (True, False, True), (False, True, True), (False, False, False),
])  # fmt: skip
def test_one_sandbox_is_enough(docker, bubblewrap, works):
    found = [Check("python", True, "x"), Check(DOCKER, docker, "x", "y"), Check(BUBBLEWRAP, bubblewrap, "x", "y")]
    assert doctor.works(found) is works


def test_keys_are_told_as_there_or_not_and_never_shown():
    secret = "sk-secret-0123456789"
    found = doctor.checks(env={"ANTHROPIC_API_KEY": secret, "OPENAI_API_KEY": "", **NOWHERE})
    keys = {check.name: check.ok for check in found if check.name.startswith("key")}
    assert keys == {"key for anthropic": True, "key for openai": None}
    assert secret not in doctor.as_json(found)
    assert secret not in printed(found)


def test_a_full_disk_is_a_finding(monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(10, 10, 1024**3))
    check = doctor.disk(tmp_path / "results" / "not-made-yet")
    assert (check.ok, check.found) == (False, f"1.0 GiB free at {tmp_path}")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_ca_bundle_that_is_not_there_is_a_finding(name, tmp_path):
    check = doctor.certificates({name: str(tmp_path / "none.pem")})
    assert check.ok is False
    assert name in check.remedy


def test_a_named_ca_bundle_is_told(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    assert str(tmp_path / "ca.pem") in doctor.certificates({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}).found


def test_a_machine_without_git_is_no_fault(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    check = doctor.git()
    assert check.ok is None
    assert "agents" in check.remedy


def test_an_old_python_is_a_finding(monkeypatch):
    assert doctor.python().ok is True
    monkeypatch.setattr(sys, "version_info", (3, 10, 2, "final", 0))
    assert doctor.python().ok is False


def test_images_that_are_not_made_are_no_fault():
    check = doctor._images_of("docker", {"python": True, "grader": False})
    assert (check.ok, check.found) == (None, "not made yet: grader")
    assert doctor._images_of("docker", {"python": True}).ok is True


def test_json_says_what_the_table_says():
    found = [Check("a", True, "fine"), Check(DOCKER, None, "so so", "do this")]
    assert json.loads(doctor.as_json(found)) == {
        "works": False,
        "checks": [
            {"name": "a", "ok": True, "found": "fine", "remedy": ""},
            {"name": DOCKER, "ok": None, "found": "so so", "remedy": "do this"},
        ],
    }
    assert "→ do this" in printed(found)


def printed(found):
    console = Console(file=io.StringIO(), width=150, record=True)
    console.print(doctor.render(found))
    return console.export_text()
