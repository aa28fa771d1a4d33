"""The guard of conftest.py: tests cannot call a provider."""

from __future__ import annotations

import os
import socket

import anthropic
import openai
import pytest
from guard import LeavesTheMachine, is_local, taken

from harness.errors import ProviderError
from harness.models import retry, scripted, workers
from harness.types import Message, Settings

ELSEWHERE, NOTED = ("192.0.2.1", 80), ["192.0.2.1:80"]


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 80), True),
        (("::1", 80, 0, 0), True),
        (("localhost", 80), True),
        ("/var/run/docker.sock", True),
        (("10.0.0.1", 80), False),
        (("160.79.104.10", 443), False),
        (("api.anthropic.com", 443), False),
    ],
)
def test_only_the_loopback_is_local(address: object, local: bool) -> None:
    assert is_local(address) is local


def test_a_connection_to_another_machine_is_refused_and_noted() -> None:
    with socket.socket() as sock, pytest.raises(LeavesTheMachine):
        sock.connect(ELSEWHERE)
    assert taken() == NOTED


@pytest.mark.parametrize("make", [anthropic.Anthropic, openai.OpenAI])
def test_a_real_client_cannot_reach_its_provider(make: type) -> None:
    client = make(api_key="not-a-key", base_url="http://192.0.2.1", max_retries=0)
    with client, pytest.raises((anthropic.APIConnectionError, openai.APIConnectionError)):
        client.models.list()
    assert taken() == NOTED


def test_a_process_that_sends_requests_cannot_reach_a_provider(pool: workers.Workers, wire: str) -> None:
    policy = retry.RetryPolicy(attempts=1)
    model = scripted.on_server("m", "http://192.0.2.1", wire, Settings(), policy)
    model.workers = pool
    with pytest.raises(ProviderError, match="a test tried to connect to"):
        model.complete([Message(role="user", text="Are you there?")], [])
    assert taken() == NOTED


def test_no_keys_are_left() -> None:
    assert not [n for n in os.environ if n.startswith(("ANTHROPIC_API", "ANTHROPIC_AUTH", "OPENAI_"))]
