"""Process settings keep their secrets."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr, ValidationError

from gaelp.local_stack import services
from gaelp.settings import Settings


def test_the_endpoints_key_is_shown_to_no_process_that_does_not_need_it() -> None:
    """Settings do not print the key, the process of agents does not get it, and an address with one is refused."""
    secret = "sk-secret"
    known = Settings(llm_api_key=SecretStr(secret))
    assert "sk-secret" not in repr(known) + known.model_dump_json()
    assert not services.without_secrets({"GAELP_LLM_API_KEY": "sk-secret", "GAELP_LLM_URL": "http://x"})
    with pytest.raises(ValidationError, match="llm_url") as refused:
        Settings(llm_url=f"https://user:{secret}@llm.example")
    assert secret not in "".join(traceback.format_exception(refused.value))
