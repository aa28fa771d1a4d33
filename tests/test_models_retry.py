"""Retries: which waits, which bounds, which errors."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest

from harness.models import retry
from harness.models.retry import AttemptFailed, RetryPolicy
from harness.types import Turn, Usage

TURN = Turn(text="x", stop="end", usage=Usage(output=1), model="m", seconds=0.1)


def failing(*errors: AttemptFailed) -> Any:
    """Return an attempt that raises the given errors, one each time, and then answers."""

    def attempt(number: int) -> Turn:
        if number < len(errors):
            raise errors[number]
        return TURN

    return attempt


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the waits instead of waiting."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (119.5, 119.5), (3600.0, 120.0), (float("inf"), 120.0)])
def test_retry_after_is_obeyed_up_to_two_minutes(slept: list[float], asked: float, waited: float) -> None:
    turn = retry.whole_turn(failing(AttemptFailed("busy", retry=True, wait=asked)), RetryPolicy(), "m", "")
    assert slept == [waited]
    assert [a["error"] for a in turn.failed_attempts] == ["busy"]


@pytest.mark.parametrize("asked", [None, 0.0, -5.0, float("nan")])
def test_without_a_useful_retry_after_the_wait_is_random_and_grows(slept: list[float], asked: float | None) -> None:
    errors = [AttemptFailed("busy", retry=True, wait=asked) for _ in range(9)]
    retry.whole_turn(failing(*errors), RetryPolicy(), "m", "")
    assert len(slept) == 9
    assert all(0 <= wait <= min(120, 2**n) for n, wait in enumerate(slept))
    assert len(set(slept)) > 1


def test_no_wait_means_no_wait(slept: list[float]) -> None:
    retry.whole_turn(failing(*[AttemptFailed("busy", retry=True, wait=60)] * 4), retry.NO_WAIT, "m", "")
    assert slept == [0.0] * 4


def test_time_is_bounded_before_the_wait_that_would_pass_it(slept: list[float]) -> None:
    errors = [AttemptFailed("busy", retry=True, wait=50)] * 9
    with pytest.raises(retry.GaveUp, match=r"m: busy\."):
        retry.whole_turn(failing(*errors), replace(RetryPolicy(), seconds=40), "m", "")
    assert slept == []


def test_usage_of_failed_attempts_is_kept() -> None:
    error = AttemptFailed("broke", retry=True, usage=Usage(input=10, output=3))
    turn = retry.whole_turn(failing(error), retry.NO_WAIT, "m", "")
    assert Usage.model_validate(turn.failed_attempts[0]["usage"]) == Usage(input=10, output=3)
    assert turn.usage == TURN.usage


def test_a_defect_is_neither_retried_nor_disguised() -> None:
    def attempt(number: int) -> Turn:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        retry.whole_turn(attempt, retry.NO_WAIT, "m", "")


# --- reading errors --------------------------------------------------------------------------------------------------


def status_error(status: int, body: Any = None, **headers: str) -> Any:
    response = SimpleNamespace(headers={k.replace("_", "-"): v for k, v in headers.items()})
    return SimpleNamespace(status_code=status, response=response, body=body, message="no words")


def anthropic_body(kind: str, message: str = "words") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (status_error(429, anthropic_body("rate_limit_error")), True),
        (status_error(500, "<html>"), True),
        (status_error(529, anthropic_body("overloaded_error")), True),
        (status_error(200, anthropic_body("overloaded_error")), True),
        (status_error(200, anthropic_body("api_error")), True),
        (status_error(200, anthropic_body("timeout_error")), True),
        (status_error(200, anthropic_body("rate_limit_error")), True),
        (status_error(200, anthropic_body("invalid_request_error")), False),
        (status_error(200, anthropic_body("authentication_error")), False),
        (status_error(429, {"type": "insufficient_quota", "code": "insufficient_quota"}), False),
        (status_error(429, {"type": "requests", "code": "rate_limit_exceeded"}), True),
        (status_error(429, None, x_should_retry="false"), False),
        (status_error(400, anthropic_body("invalid_request_error")), False),
        (status_error(404, None), False),
    ],
)
def test_which_statuses_and_kinds_are_worth_another_attempt(error: Any, again: bool) -> None:
    assert retry.from_status(error, None).retry is again


@pytest.mark.parametrize(
    ("error", "too_long"),
    [
        (status_error(400, anthropic_body("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum")), True),
        (status_error(400, {"type": "invalid_request_error", "code": "context_length_exceeded"}), True),
        (status_error(400, {"message": "This model's maximum context length is 4096 tokens."}), True),
        (status_error(400, {"type": "exceed_context_size_error", "code": 400}), True),
        (status_error(413, "<html>"), True),
        (status_error(400, anthropic_body("invalid_request_error", "max_tokens: too large")), False),
        (status_error(500, anthropic_body("api_error", "prompt is too long")), False),
    ],
)
def test_a_conversation_that_is_too_long_is_told_from_a_bad_request(error: Any, too_long: bool) -> None:
    assert retry.from_status(error, None).too_long is too_long


def test_the_message_names_status_kind_and_the_providers_words() -> None:
    found = retry.from_status(status_error(529, anthropic_body("overloaded_error", "Overloaded")), None)
    assert str(found) == "HTTP 529 overloaded_error (Overloaded)"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (AttemptFailed("x", retry=False, status=401), "check the key"),
        (AttemptFailed("x", retry=False, status=402), "Settle the account"),
        (AttemptFailed("x", retry=False, status=429, kind="insufficient_quota"), "Settle the account"),
        (AttemptFailed("x", retry=False, status=429), "Lower `concurrency`"),
        (AttemptFailed("x", retry=False, status=404), "check the model's id"),
    ],
)
def test_the_message_says_what_to_do(error: AttemptFailed, advice: str) -> None:
    with pytest.raises(retry.GaveUp, match=advice):
        retry.whole_turn(failing(error), retry.NO_WAIT, "m", "check the key")


def test_events_inside_a_stream() -> None:
    assert retry.from_event({"type": "error", "code": "server_error", "message": "oops"}, None).retry
    assert not retry.from_event({"code": "invalid_prompt", "message": "no"}, None).retry
    assert not retry.from_event({"type": "invalid_request_error", "code": None}, None).retry
    assert retry.from_event({}, None).retry


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": formatdate(0, usegmt=True)}, 0.0),
    ],
)
def test_retry_after_in_its_three_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry.retry_after(headers) == seconds


def test_retry_after_as_a_date_ahead() -> None:
    assert 50 < (retry.retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) or 0) <= 60


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("plain", "plain"),
        ("ü😀", "ü😀"),
        ("\ud83d\ude00", "😀"),
        ("a\ud83db", "a\ufffdb"),
        ({"k\udc00": ["\ud800", 1, None, {"x": True}]}, {"k\ufffd": ["\ufffd", 1, None, {"x": True}]}),
    ],
)
def test_halves_of_characters_are_joined_or_replaced(value: Any, clean: Any) -> None:
    assert retry.scrubbed(value) == clean


def test_arguments_hold_no_half_characters() -> None:
    assert retry.arguments_of('{"command": "echo \\ud83d"}') == ({"command": "echo \ufffd"}, None)
