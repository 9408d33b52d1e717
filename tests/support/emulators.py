"""Emulator processes, campaigns and markets for the tests of this folder. Touch this when they need other ones."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.platform_records import CampaignSpec, Creative
from gaelp.market.auctions import price_curves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from gaelp.platforms.emulator.client import EmulatorPlatform

TOKEN = "local-emulator"
START = datetime(2026, 11, 2, tzinfo=UTC)
READY_SECONDS = 60.0
HTTP = httpx.Client(verify=False, trust_env=False)  # noqa: S501 - plain http on loopback; certificates take 70 ms


@dataclass
class Server:
    """One emulator process."""

    process: subprocess.Popen[bytes]
    url: str
    arguments: list[str]

    @property
    def file(self) -> str:
        """Its database."""
        return self.arguments[self.arguments.index("--db") + 1]

    def platform(self, timeout_seconds: float = 5.0) -> EmulatorPlatform:
        """A client of its own."""
        return EmulatorPlatform(self.url, TOKEN, timeout_seconds)

    def control(self, method: str, path: str, **request: Any) -> Any:
        """Call a control endpoint and return its JSON."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = HTTP.request(method, f"{self.url}/control{path}", headers=headers, timeout=60, **request)
        answer.raise_for_status()
        return answer.json()

    def truth(self, account: str) -> list[Any]:
        """What really happened in an account."""
        return [each for each in self.control("GET", "/campaigns") if each["state"]["account"] == account]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"the emulator ended with {server.process.returncode}: {server.arguments}")
        try:
            HTTP.get(f"{server.url}/healthz", timeout=1).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"the emulator was not ready within {READY_SECONDS} s")


def make_spec(name: str, account: str = "acme", **changes: Any) -> CampaignSpec:
    """A campaign of 4 segments and 3 creatives with bids that win and a lease of 30 days."""
    spec = CampaignSpec(
        external_name=name,
        account=account,
        product="product-a",
        daily_budget_micros=25_000_000,
        end_at=START + timedelta(days=30),
        segments=4,
        creatives=tuple(Creative(id=f"creative-{index}", headline="A good thing") for index in range(3)),
        bid_micros=(4_000_000,) * 4,
        creative_prob=((0.5, 0.25, 0.25),) * 4,
    )
    return spec.model_copy(update=changes)


def market(creatives: int = 3) -> MarketParameters:
    """A market of 4 segments in which a campaign of `make_spec` spends any budget of these tests by every evening."""
    plain = calibrate((), TrainingConfiguration())
    return replace(
        plain,
        ctr=np.full((4, creatives), 0.005),
        cvr=np.full((4, creatives), 0.06),
        order_value_micros=40_000_000,
        margin=0.5,
        prices=price_curves.lognormal(np.full(4, 3_000_000.0), np.full(4, 0.6)),
        hourly=np.tile(1.0 - 0.6 * np.cos(2 * np.pi * (np.arange(24) - 3) / 24), 7),
        auctions_per_hour=np.full(4, 1500.0),
        lag_days=1.0,
        window_days=7.0,
        candidate_features=np.ones((creatives, 2), np.float32),
    )


def busy_market(creatives: int = 3) -> MarketParameters:
    """The same with many clicks and conversions, so that ratios show in a few days."""
    shape = (4, creatives)
    return replace(market(creatives), ctr=np.full(shape, 0.05), cvr=np.full(shape, 0.2))
