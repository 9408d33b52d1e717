"""Process settings keep their secrets."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr, ValidationError

from gaelp.local_stack import services
from gaelp.settings import Settings


def test_what_is_given_goes_before_the_environment_and_that_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read from GAELP_ variables in either case, checked as what is given is, and others are ignored."""
    monkeypatch.setenv("GAELP_REAPER_SECONDS", "7")
    monkeypatch.setenv("gaelp_log_level", "DEBUG")
    monkeypatch.setenv("GAELP_SIMULATION__ROUNDS", "3")
    read = Settings(redis_url="redis://elsewhere")
    assert (read.reaper_seconds, read.log_level, read.redis_url) == (7, "DEBUG", "redis://elsewhere")
    assert read.temporal_address == "127.0.0.1:7233"
    monkeypatch.setenv("GAELP_REAPER_SECONDS", "0")
    with pytest.raises(ValidationError, match="reaper_seconds"):
        Settings()


def test_the_endpoints_key_is_shown_to_no_process_that_does_not_need_it() -> None:
    """Settings do not print the key, the process of agents does not get it, and an address with one is refused."""
    secret = "sk-secret"
    known = Settings(llm_api_key=SecretStr(secret))
    assert "sk-secret" not in repr(known) + known.model_dump_json()
    assert not services.without_secrets({"GAELP_LLM_API_KEY": "sk-secret", "GAELP_LLM_URL": "http://x"})
    with pytest.raises(ValidationError, match="llm_url") as refused:
        Settings(llm_url=f"https://user:{secret}@llm.example")
    assert secret not in "".join(traceback.format_exception(refused.value))


def test_a_stacks_variables_go_before_the_environment_and_leave_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench or a certification that starts its own services reaches those, and no other process learns of them."""
    monkeypatch.setenv("GAELP_REDIS_URL", "redis://mine")
    read = Settings.named_by({"GAELP_REDIS_URL": "redis://theirs", "PATH": "/nowhere", "GAELP_LOG_LEVEL": "DEBUG"})
    assert (read.redis_url, read.log_level) == ("redis://theirs", "DEBUG")
    assert Settings().redis_url == "redis://mine"
