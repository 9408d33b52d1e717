"""Reads what must be known before a run begins: its account, its logs, and the world of an emulator's account.

Nothing is written. What cannot be read is said in a sentence: `validate` shows it as not checked, `start` refuses. What
the facts mean is in gaelp/domain/start_conditions.py. Touch this when another fact decides whether a run may begin.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.undecidable_criteria import JudgedLog
from gaelp.domain.phases import phases_between
from gaelp.domain.start_conditions import StartFacts, passed_as_strictly, spends_in

if TYPE_CHECKING:
    from gaelp.arrays import Array
    from gaelp.ledger.ledger import Ledger
    from gaelp.messages.training_run import RunInput
    from gaelp.records.warehouse.warehouse import Warehouse
    from gaelp.settings import Settings


@dataclass
class Reading:
    """The facts that could be read, and one sentence for each that could not."""

    facts: StartFacts = field(default_factory=StartFacts)
    unread: list[str] = field(default_factory=list)

    def know(self, **facts: object) -> None:
        """Add what was read."""
        self.facts = replace(self.facts, **facts)  # type: ignore[arg-type]


def read_facts(settings: Settings, ledger: Ledger | None, order: RunInput) -> Reading:
    """The facts about a run; `ledger` is None where there is none yet."""
    reading, config = Reading(), order.config
    if ledger is None:
        reading.unread.append(f"the account {config.account}: there is no ledger yet, `make dev` makes one")
    else:
        _read_account(reading, ledger, config)
    _read_logs(reading, settings, config)
    if order.from_checkpoint is not None:
        _read_checkpoint(reading, settings, ledger, order)
    spends = spends_in(phases_between(order.from_phase, order.until))
    if spends and reading.facts.account and not reading.facts.no_adapter:
        _read_world(reading, settings, config)
    return reading


def _read_account(reading: Reading, ledger: Ledger, config: TrainingConfiguration) -> None:
    from gaelp.ledger.ledger_errors import UnknownAccount
    from gaelp.platforms.adapters import why_no_adapter

    try:
        account = ledger.account(config.account)
    except UnknownAccount as error:
        reading.know(no_account=str(error))
        return
    reading.know(account=account, no_adapter=why_no_adapter(account))


def _read_logs(reading: Reading, settings: Settings, config: TrainingConfiguration) -> None:
    names = config.historical.logs
    if names and not _is_there(settings.warehouse):
        reading.unread.append(f"the logs {', '.join(names)}: there is no warehouse yet, `starter.py ingest` makes one")
        return
    from gaelp.market.calibration.calibrate import CalibrationError, calibrate
    from gaelp.records.logs.stored_logs import UnknownLog, load_calibrating

    warehouse = connections.open_warehouse(settings) if names else None
    try:
        calibrating = load_calibrating(warehouse, names) if warehouse else {}
        reading.know(market=calibrate([*calibrating.values()], config).ctr.shape)
        if warehouse:
            _judge_logs(reading, warehouse, config, calibrating)
    except (UnknownLog, CalibrationError) as error:
        reading.know(unusable_logs=str(error))
    finally:
        if warehouse:
            warehouse.close()


def _is_there(place: str) -> bool:
    """Whether a place can be asked: a folder that is there, or any address."""
    return "://" in place or Path(place).is_dir()


def _read_checkpoint(reading: Reading, settings: Settings, ledger: Ledger | None, order: RunInput) -> None:
    from gaelp.records.content_store import ContentStore, CorruptContent, MissingContent
    from gaelp.records.earlier_terms import earlier_terms

    store, checkpoint = ContentStore(settings.store), order.from_checkpoint or ""
    try:
        store.get_arrays(checkpoint)
    except (MissingContent, CorruptContent) as error:
        reading.know(no_checkpoint=str(error))
    gates = () if ledger is None else ledger.passed_gates(order.agent, checkpoint)
    reading.know(passed=passed_as_strictly(order.config, earlier_terms(store, gates)))


def _judge_logs(
    reading: Reading, warehouse: Warehouse, config: TrainingConfiguration, calibrating: dict[str, dict[str, Array]]
) -> None:
    """Count what of each log is left to judge an agent on."""
    from gaelp.records.logs.stored_logs import log_info
    from gaelp.records.logs.validation_window import after_calibration, calibrated_until

    share, judged = config.historical.calibration_share, []
    until = calibrated_until(calibrating, share)
    for name in config.historical.logs:
        info = log_info(warehouse, name)
        if name in calibrating:
            click = after_calibration(calibrating, share, name)["click"]
            judged.append(JudgedLog(name, info.kind, len(click), int((click > 0).sum())))
        else:
            over = info.window_end is not None and info.window_end.timestamp() * 1e6 <= until
            judged.append(JudgedLog(name, info.kind, 0 if over else info.rows, 0))
    latest = f"{datetime.fromtimestamp(until / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC" if until >= 0 else ""
    reading.know(logs=tuple(judged), calibrated_until=latest)


def _read_world(reading: Reading, settings: Settings, config: TrainingConfiguration) -> None:
    from gaelp.platforms.emulator.client import EmulatorPlatform
    from gaelp.platforms.protocol import PlatformError

    try:
        platform = EmulatorPlatform(settings.emulator_url, settings.emulator_token)
        try:
            reading.know(world=platform.world_sizes(config.account))
        finally:
            platform.close()
    except PlatformError as error:
        reading.unread.append(f"the world of account {config.account}: {error}")
