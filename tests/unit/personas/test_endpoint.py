"""The client of an endpoint: whatever the endpoint does costs at most its rating."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from gaelp.domain.config.market_sections import Personas as PersonasConfig
from gaelp.personas.answers import FailedRating
from gaelp.personas.endpoint import address, open_endpoint
from tests.support.rating_endpoints import KEY, MISBEHAVIOURS, Behaviour, Served, completion, fixed, in_turn


def one(url: str, key: str | None = KEY, **changes: Any) -> float:
    """One question asked over HTTP."""
    config = PersonasConfig(source="endpoint", **{"timeout_seconds": 20.0, **changes})

    async def ask() -> float:
        async with open_endpoint(url, SecretStr(key) if key else None, config) as endpoint:
            return (await endpoint.ask("a prompt")).probability

    return asyncio.run(ask())


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_misbehaviour_costs_the_rating_and_says_why(serve: Callable[[Behaviour], Served], name: str) -> None:
    """Every way of answering badly ends in a failed rating, in bounded time and memory, with a reason of our own."""
    behaviour, reason = MISBEHAVIOURS[name]
    short = {"timeout_seconds": 0.3} if "0.3" in reason else {}
    with pytest.raises(FailedRating, match=reason) as failed:
        one(serve(behaviour).url, **short)
    assert KEY not in str(failed.value) and "busy" not in str(failed.value)


def test_an_address_without_a_server_costs_the_rating() -> None:
    """A refused connection is a failed rating like any other."""
    with pytest.raises(FailedRating, match="no connection"):
        one("http://127.0.0.1:1")


def test_one_call_in_the_openai_form(serve: Callable[[Behaviour], Served]) -> None:
    """Token probabilities ask completions for one token, texts ask chat; the key is a bearer's; `/v1` may be there."""
    served = serve(fixed(completion()))
    one(f"{served.url}/v1/", model="m")
    (asked,) = served.requests
    assert asked == {
        "path": "/v1/completions", "key": f"Bearer {KEY}", "model": "m", "temperature": 0, "prompt": "a prompt",
        "max_tokens": 1, "logprobs": 10,
    }  # fmt: skip
    chat = serve(fixed(b'{"choices": [{"message": {"content": "7"}}]}'))
    assert one(chat.url, None, token_probabilities=False) == pytest.approx(7.5 / 11)
    assert chat.requests[0]["path"] == "/v1/chat/completions" and chat.requests[0]["key"] is None
    assert chat.requests[0]["messages"] == [{"role": "user", "content": "a prompt"}]


def test_a_key_is_sent_without_the_line_end_of_its_file(serve: Callable[[Behaviour], Served]) -> None:
    """White space around a key is no part of it; nothing but white space is no key."""
    served = serve(fixed(completion()))
    for key in (f" {KEY}\r\n", "\n"):
        one(served.url, key)
    assert [request["key"] for request in served.requests] == [f"Bearer {KEY}", None]


def test_a_busy_endpoint_is_asked_once_more_when_it_says(serve: Callable[[Behaviour], Served]) -> None:
    """Retry-After is honoured once."""
    served = serve(in_turn(fixed(b"", 429, Retry_After="0"), then=fixed(completion())))
    assert 0 < one(served.url) < 1 and len(served.requests) == 2


def test_an_address_is_shown_without_what_could_be_secret() -> None:
    """An address is shown without its credentials, path and query."""
    assert address("https://user:pass@llm.example:444/v1/x?key=1") == "https://llm.example:444"
    assert address("http://[::1]:80") == "http://[::1]:80"
