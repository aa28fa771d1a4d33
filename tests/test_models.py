"""The registry of models: names, aliases, and what is missing."""

from __future__ import annotations

import pytest

from harness import models
from harness.errors import ConfigError
from harness.types import Settings


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("sonnet", "anthropic/claude-sonnet-5-5"),
        ("opus", "anthropic/claude-opus-5-5"),
        ("haiku", "anthropic/claude-haiku-5-5"),
        ("claude-opus-4-8", "anthropic/claude-opus-4-8"),
        ("openai/gpt-6.1-sol", "openai/gpt-6.1-sol"),
        ("openai-chat/meta/llama-9", "openai-chat/meta/llama-9"),
        ("scripted/demo?wire=openai", "scripted/demo?wire=openai"),
    ],
)
def test_names_and_aliases(name: str, full: str) -> None:
    assert models.resolve(name) == full


def test_inherit_is_the_runs_model() -> None:
    assert models.resolve("inherit", "opus") == "anthropic/claude-opus-5-5"
    assert models.resolve("haiku", "opus") == "anthropic/claude-haiku-5-5"


@pytest.mark.parametrize("inherited", [None, "", "inherit"])
def test_inherit_from_nothing_is_refused(inherited: str | None) -> None:
    with pytest.raises(ConfigError, match="nothing to inherit"):
        models.resolve("inherit", inherited)


@pytest.mark.parametrize("name", ["", "gpt-6", "anthropic/", "anthropic", "antropic/claude-opus-5-5", "/x"])
def test_an_unknown_model_lists_what_is_allowed(name: str) -> None:
    with pytest.raises(ConfigError, match="anthropic/<id>, openai/<id>, openai-chat/<id>, scripted/<id>"):
        models.load(name, Settings())


def test_a_misspelt_provider_is_guessed() -> None:
    with pytest.raises(ConfigError, match="did you mean 'anthropic'"):
        models.resolve("antropic/claude-opus-5-5")


@pytest.mark.parametrize(
    ("name", "variable"),
    [("sonnet", "ANTHROPIC_API_KEY"), ("openai/gpt-6.1-sol", "OPENAI_API_KEY"), ("openai-chat/x", "OPENAI_API_KEY")],
)
def test_a_missing_key_names_its_variable(name: str, variable: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        models.load(name, Settings(base_url="http://127.0.0.1:9/v1"))


def test_a_missing_key_is_told_when_there_is_no_profile_folder_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_CONFIG_DIR")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        models.load("sonnet", Settings())


def test_a_missing_base_url_says_where_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    with pytest.raises(ConfigError, match=r"`base_url`.*OPENAI_BASE_URL"):
        models.load("openai-chat/x", Settings())
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert models.load("openai-chat/x", Settings()).is_llm


@pytest.mark.parametrize(
    ("name", "variable"),
    [("sonnet", "ANTHROPIC_API_KEY"), ("sonnet", "ANTHROPIC_AUTH_TOKEN"), ("openai/x", "OPENAI_API_KEY")],
)
def test_a_key_is_enough(name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "not-a-key")
    model = models.load(name, Settings())
    assert (model.name, model.is_llm) == (models.resolve(name), True)


@pytest.mark.parametrize("url", ["not a url", "http://[", "http://h:99999", "ftp://h", "127.0.0.1:80", "http://"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for provider, variable in (("openai", "OPENAI"), ("openai-chat", "OPENAI"), ("anthropic", "ANTHROPIC")):
        monkeypatch.setenv(f"{variable}_API_KEY", "k")
        with pytest.raises(ConfigError, match="`base_url` is no address of a server"):
            models.load(f"{provider}/m", Settings(base_url=url))
        monkeypatch.setenv(f"{variable}_BASE_URL", url)
        with pytest.raises(ConfigError, match=f"{variable}_BASE_URL is no address of a server"):
            models.load(f"{provider}/m", Settings())


@pytest.mark.parametrize("key", ["a b", "a\nb", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for provider, variable in (("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")):
        monkeypatch.setenv(variable, key)
        with pytest.raises(ConfigError, match=variable) as caught:
            models.load(f"{provider}/m", Settings())
        assert key not in str(caught.value)
