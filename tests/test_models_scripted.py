"""Scripts and their server: what a script may say, which turn is next, and that the built-in ones play."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx2
import pytest

from harness import models
from harness.errors import ConfigError
from harness.models import scripted, scripted_server
from harness.models.scripted import Script
from harness.types import Message, Settings, ToolResult

ASKED = [Message(role="user", text="It counts as started when GET /alive answers 2xx.")]


def script(*turns: dict[str, object], **more: object) -> Script:
    return Script.model_validate({"schema": 1, "turn": list(turns), **more})


@pytest.mark.parametrize("wire", scripted.WIRES)
def test_the_demo_plays_to_its_end_over_every_wire(wire: str) -> None:
    model = models.load(f"scripted/demo?wire={wire}", Settings())
    assert (model.is_llm, model.name) == (False, f"scripted/demo?wire={wire}")
    messages, names = list(ASKED), []
    for _ in range(4):
        turn = model.complete(messages, [])
        names.append([c.name for c in turn.calls])
        results = tuple(ToolResult(call_id=c.id, text="ok") for c in turn.calls)
        messages += [Message(role="assistant", turn=turn), Message(role="tools", results=results)]
    assert names == [["bash"], ["edit_file", "edit_file"], ["bash"], ["submit"]]
    assert "/alive" in messages[3].turn.calls[0].arguments["text"]  # type: ignore[union-attr]
    assert model.complete(messages, []).text == "The script is over."


def test_the_answer_in_files_names_the_ready_path() -> None:
    turn = models.load("scripted/files", Settings()).complete(ASKED, [])
    assert (turn.stop, "```python path=app.py" in turn.text, '"/alive"' in turn.text) == ("end", True, True)


def test_a_script_can_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text('schema = 1\n[[turn]]\ntext = "Hello."\n')
    monkeypatch.chdir(tmp_path)
    assert models.load("scripted/./mine.toml", Settings()).complete(ASKED, []).text == "Hello."


def test_one_server_serves_the_whole_process() -> None:
    assert scripted_server.shared() is scripted_server.shared()


def test_placeholders_are_filled_wherever_they_stand() -> None:
    find = {
        "path": {"pattern": r"GET (/\S*)", "default": "/x"},
        "all": {"pattern": "counts as"},
        "no": {"pattern": "(q)"},
    }
    calls = [{"tool": "t", "arguments": {"a": ["{{path}}"], "b": {"c": "{{all}}"}, "n": 1, "d": "{{unknown}}"}}]
    played = scripted.line(script({"text": "{{path}}{{no}}", "calls": calls}, find=find), 0, ASKED[0].text)
    assert played.text == "/alive"
    assert played.calls[0].arguments == {"a": ["/alive"], "b": {"c": "counts as"}, "n": 1, "d": "{{unknown}}"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scripted/dem", "did you mean 'demo'.*there are: demo, files"),
        ("scripted/demo?wire=grpc", r"wire=anthropic\|openai\|openai-chat"),
        ("scripted/demo?speed=2", "only wire="),
        ("scripted/./not-there.toml", "there is no such file"),
    ],
)
def test_a_script_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        models.load(name, Settings())


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("schema = 2\n[[turn]]\ntext = 'x'", "schema"),
        ("schema = 1\nturn = []", "turn"),
        ("schema = 1\n[[turn]]\nstop = 'end'", "needs `text` or `calls`"),
        ("schema = 1\n[[turn]]\ntext = 'x'\nstop = 'bored'", "stop"),
        ("schema = 1\n[[turn]]\ntext = 'x'\nfaults = [{}]", "either `status` or `stream`"),
        ("schema = 1\n[[turn]]\ntext = 'x'\nfaults = [{status = 200}]", "status"),
        ("schema = 1\n[find.a]\npattern = '('\n[[turn]]\ntext = 'x'", "no regular expression"),
        ("schema = 1\n[[turn]]\ntxt = 'x'", "unknown key"),
        ("schema = 1\n[[turn", "not valid TOML"),
    ],
)
def test_a_wrong_script_says_what_is_wrong(tmp_path: Path, toml: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=message) as caught:
        models.load(f"scripted/{path}", Settings())
    assert str(path) in str(caught.value)


# --- the server ------------------------------------------------------------------------------------------------------


def post(url: str, body: dict[str, object]) -> httpx2.Response:
    return httpx2.post(url, json=body, trust_env=False)


def test_what_a_provider_would_refuse_is_refused() -> None:
    use = {"type": "tool_use", "id": "a", "name": "t", "input": {}}
    thought = {"type": "thinking", "thinking": "changed", "signature": "seal of another"}
    unanswered = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [use]}]
    with scripted_server.serve() as server:
        server.add("m", script({"text": "x"}))
        url = f"{server.url}/v1/messages"
        assert post(url, {"model": "other", "messages": []}).status_code == 404
        assert post(f"{server.url}/v1/nothing", {}).status_code == 404
        for content, word in [(unanswered, "answered"), ([{"role": "assistant", "content": [thought]}], "modified")]:
            reply = post(url, {"model": "m", "messages": content})
            assert (reply.status_code, word in reply.json()["error"]["message"]) == (400, True)


def test_many_trials_share_a_server() -> None:
    turns = [{"calls": [{"tool": "bash", "arguments": {"n": n}}]} for n in range(3)]
    seen: list[list[int]] = []

    def trial(model: object) -> None:
        messages, numbers = list(ASKED), []
        for _ in turns:
            turn = model.complete(messages, [])  # type: ignore[attr-defined]
            numbers.append(turn.calls[0].arguments["n"])
            result = ToolResult(call_id=turn.calls[0].id, text="ok")
            messages += [Message(role="assistant", turn=turn), Message(role="tools", results=(result,))]
        seen.append(numbers)

    with scripted_server.serve() as server:
        server.add("m", script(*turns))
        model = scripted.on_server("m", server.url, "anthropic", Settings())
        threads = [threading.Thread(target=trial, args=(model,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.counts["/v1/messages"] == 36
    assert seen == [[0, 1, 2]] * 12
