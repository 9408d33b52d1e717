"""What must hold before a run may begin, judged from the configuration and from what is known of account and logs.

Whoever starts a run gathers the facts (gaelp/commands/runs/start_facts.py); a run that was started by hand is judged
once more when it begins, by its account. Touch this to refuse another run that cannot end well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.exploit_audit import audit_required
from gaelp.domain.gates.criteria_historical import SUPPORT
from gaelp.domain.gates.criteria_table import CRITERIA, required_in, threshold_of
from gaelp.domain.gates.undecidable_criteria import JudgedLog, Logs, Undecidable, passable, undecidable_in
from gaelp.domain.phases import PHASE_ORDER, Phase, phases_between
from gaelp.domain.spending.dollar_bounds import NoDollarRate, OutsideDollarBounds, check_daily_cap
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.domain.trap_exams import required_traps
from gaelp.money import micros

SPENDING = (Phase.LIVE_TEST, Phase.SCALED)
Sizes = tuple[int, int]
"""Segments and creatives."""


@dataclass(frozen=True)
class StartFacts:
    """What is known before a run begins; None where it was not read, or does not apply."""

    account: Account | None = None
    no_account: str = ""  # why the ledger has no such account; empty where it has
    no_adapter: str = ""  # why this version cannot serve the account's platform; empty where it can
    no_checkpoint: str = ""  # why the state to begin with cannot be read; empty where it can, or none was named
    passed: frozenset[Phase] | None = None  # the gates that the agent has passed with this state, by no easier terms
    logs: tuple[JudgedLog, ...] | None = None
    calibrated_until: str = ""  # the latest instant that calibrates the market, where the logs have times
    unusable_logs: str = ""  # why the logs cannot be calibrated on; empty where they can
    market: Sizes | None = None
    world: Sizes | None = None  # of an emulator's account that has a world of its own


def start_refusals(
    config: TrainingConfiguration, phases: Sequence[Phase], facts: StartFacts, today: date
) -> tuple[Contradiction, ...]:
    """Everything for which a run through `phases` must not begin `today`, each with its remedy."""
    found = [*strict_refusals(config, phases, facts.logs), *_log_refusals(config, phases, facts)]
    if facts.no_checkpoint:
        found.append(Contradiction(("--from-checkpoint",), facts.no_checkpoint))
    if facts.passed is not None and (skipped := skip_refusal(config, phases[0], facts.passed)):
        found.append(Contradiction(("--from-phase", "mode"), skipped))
    if facts.no_account:
        found.append(Contradiction(("account",), facts.no_account))
    if facts.account:
        found += account_refusals(config, facts.account, phases, today)
    if spends_in(phases):
        found += _launch_refusals(config, facts)
    return tuple(found)


def spends_in(phases: Sequence[Phase]) -> bool:
    """Whether one of the phases spends on the account's platform."""
    return any(phase in SPENDING for phase in phases)


def account_refusals(
    config: TrainingConfiguration, account: Account, phases: Sequence[Phase], today: date
) -> Iterator[Contradiction]:
    """Why a run through `phases` may not use the account of its configuration."""
    name = account.account
    if account.currency != config.currency:
        yield Contradiction(
            ("currency", "account"),
            f"account {name} is in {account.currency}, the configuration in {config.currency}: name an account in "
            f"{config.currency} (`starter.py accounts add`), or set currency if its amounts are in {account.currency}",
        )
    elif spends_in(phases):
        yield from _cap_refusals(config, account, today)
    if account.kind is AccountKind.EMULATOR:
        return
    if config.mode == "advisory":
        yield Contradiction(
            ("mode", "account"),
            f"mode advisory is refused: account {name} is not an emulator's; set mode to strict, or take an emulator's "
            "account",
        )
    if config.clock.time_scale != 1:
        yield Contradiction(
            ("clock.time_scale", "account"),
            f"clock.time_scale {config.clock.time_scale:g} is refused: account {name} is real, and real platforms know "
            "no clock but their own; set it to 1",
        )


def _cap_refusals(config: TrainingConfiguration, account: Account, today: date) -> Iterator[Contradiction]:
    try:
        check_daily_cap(micros(config.live_test.daily_cap), account, today)
    except (NoDollarRate, OutsideDollarBounds) as error:
        yield Contradiction(("live_test.daily_cap", "account"), str(error))


def no_state_refusal(first: Phase, checkpoint: str | None) -> str:
    """Why a run may not begin with `first` without an agent state; empty where it may, or names one."""
    if first is PHASE_ORDER[0] or checkpoint:
        return ""
    return f"a run from phase {first} needs an agent state: name one with --from-checkpoint"


def passed_as_strictly(
    config: TrainingConfiguration, earlier: Iterable[tuple[PassedGate, TrainingConfiguration]]
) -> frozenset[Phase]:
    """Of the gates that were passed, each with its configuration, those that asked for no less than `config` does.

    They are of the same product, as attempts are counted by it: else whoever renames it began at the mildest level.
    """
    return frozenset(
        gate.phase
        for gate, terms in earlier
        if terms.product == config.product
        and (gate.phase is not Phase.SIMULATION or _examined_as_strictly(terms, config))
        and all(
            was >= now for was, now in zip(_thresholds(terms, gate.phase), _thresholds(config, gate.phase), strict=True)
        )
    )


def _examined_as_strictly(was: TrainingConfiguration, now: TrainingConfiguration) -> bool:
    """Whether one exam was played in the environment of the other, and required its traps and its audit."""
    return (
        was.environment == now.environment
        and set(required_traps(now)) <= set(required_traps(was))
        and (audit_required(was) or not audit_required(now))
    )


def _thresholds(config: TrainingConfiguration, phase: Phase) -> tuple[float, ...]:
    """What the gate of a phase asks for; more is stricter."""
    more = (config.live_test.roi,) if phase is Phase.LIVE_TEST else ()
    return (*(threshold_of(each.id, config) for each in required_in(phase) if each.setting), *more)


def skip_refusal(config: TrainingConfiguration, first: Phase, passed: frozenset[Phase]) -> str:
    """Why a run may not begin with `first`; empty where it may.

    A strict run may skip only phases that its very checkpoint has `passed`.
    """
    missing = [phase for phase in phases_between(PHASE_ORDER[0], first)[:-1] if phase not in passed]
    if config.mode != "strict" or not missing:
        return ""
    return (
        f"the checkpoint has not passed {', '.join(missing)} for this product by terms as strict as these, which a "
        f"strict run may not skip: begin with {missing[0]}"
    )


def strict_refusals(config: TrainingConfiguration, phases: Sequence[Phase], logs: Logs) -> Iterator[Contradiction]:
    """Why a strict run through `phases` could never pass; nothing in advisory mode, where INCONCLUSIVE goes on."""
    if config.mode != "strict":
        return
    never = {phase: undecidable_in(phase, config, logs) for phase in phases}
    reasons = [f"{phase}: {_named(each)}" for phase, found in never.items() for each in found]
    if not reasons:
        return
    able = passable(phases, config, logs)
    remedy = (
        f"ask for what can pass with --until {able[-1]}, or take mode advisory on an emulator's account"
        if able
        else "take mode advisory on an emulator's account (profile quick-test or development)"
    )
    yield Contradiction(
        ("mode",), f"is strict, and what the run asks for could never pass ({'; '.join(reasons)}): {remedy}"
    )


def _named(each: Undecidable) -> str:
    reason = each.reason.rstrip(".")
    return f"criterion {each.id} {CRITERIA[each.id].name}, {reason[0].lower()}{reason[1:]}"


def _log_refusals(config: TrainingConfiguration, phases: Sequence[Phase], facts: StartFacts) -> Iterator[Contradiction]:
    if facts.unusable_logs:
        yield Contradiction(("historical.logs",), facts.unusable_logs)
    if unread := [log.name for log in facts.logs or () if log.kind not in SUPPORT]:
        yield Contradiction(
            ("historical.logs",),
            f"names {' and '.join(unread)}, and no phase judges by a log of that kind: leave it out, and ask "
            "`starter.py evaluate` about it",
        )
    if Phase.HISTORICAL not in phases:
        return
    real = facts.account is not None and facts.account.kind is not AccountKind.EMULATOR
    if real and not config.historical.logs:
        yield Contradiction(
            ("historical.logs", "account"),
            f"is empty, and account {config.account} is real, where an agent must be judged on history first: ingest a "
            "log and name it",
        )
    empty = [log.name for log in facts.logs or () if log.kind in SUPPORT and not log.rows]
    if empty:
        yield Contradiction(
            ("historical.logs", "historical.calibration_share"),
            f"leaves nothing to judge {' and '.join(empty)} on: no row of it is later than "
            f"{facts.calibrated_until}, up to where the other logs calibrate the market; name logs of the same time, "
            "or leave one out",
        )


def _launch_refusals(config: TrainingConfiguration, facts: StartFacts) -> Iterator[Contradiction]:
    """Why the account's platform would take no campaign of the run."""
    if facts.no_adapter:
        yield Contradiction(("account",), facts.no_adapter)
    if facts.market and facts.world and facts.market != facts.world:
        (segments, creatives), (here, shown) = facts.world, facts.market
        yield Contradiction(
            ("account", "historical.logs", "market.segments", "market.creatives"),
            f"{config.account} has a world of {segments} segments x {creatives} creatives, and the market of this run "
            f"has {here} x {shown}, so that its campaigns would be refused: use an account whose world is from the "
            "same logs (`starter.py accounts add --world-from`), or one without --world-from, which takes any size",
        )
