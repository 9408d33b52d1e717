"""Combinations of settings that are each valid and together impossible; each is refused in a sentence with a remedy.

A configuration that is merely unwise is not refused here: the gates will show it. Touch this to refuse another
combination.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.config.curriculum_section import Curriculum
from gaelp.domain.config.market_sections import SHIPPED_CREATIVES
from gaelp.domain.config.message_lengths import too_long
from gaelp.domain.config.registered_worlds import applied, is_foreign
from gaelp.domain.config.section import Payable, Section
from gaelp.domain.curriculum.task_checks import mistakes, task_configuration, tasks_of
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.exploit_audit import audit_required
from gaelp.domain.ids import FIRST_BATCH
from gaelp.domain.spending.dollar_bounds import outside_cap_bounds
from gaelp.domain.trap_exams import TRAPS, required_traps
from gaelp.money import UnknownCurrency, decimals_of, exact_money, micros, smallest_unit_micros

ADVISORY_PROFILES: tuple[str, ...] = ("quick-test", "development")


MOST_DAYS = 366  # of a campaign


def contradictions(config: TrainingConfiguration) -> tuple[Contradiction, ...]:
    """Every impossible combination in `config`, with the settings of its environment, in a fixed order."""
    rules = (
        _currency,
        _mode,
        _clock,
        _live_test,
        _scaled,
        _limits,
        _batches,
        too_long,
        _market,
        _personas,
        _names,
        _traps,
        _remote,
        _curriculum,
    )
    config = applied(config)
    return tuple(each for rule in rules for each in rule(config))


def _currency(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """The currency has a smallest unit, and every amount that is paid is a whole number of it."""
    try:
        decimals = decimals_of(config.currency)
    except UnknownCurrency as error:
        yield Contradiction(("currency",), str(error))
        return
    for path, amount in _payable(config):
        if amount != round(amount, decimals):
            smallest = exact_money(smallest_unit_micros(config.currency), config.currency)
            yield Contradiction((path, "currency"), f"is {amount}, and nothing below {smallest} can be paid: round it")


def _payable(section: Section, place: str = "") -> Iterator[tuple[str, Decimal]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _payable(value, f"{place}{name}.")
        elif any(isinstance(mark, Payable) for mark in field.metadata):
            yield f"{place}{name}", value


def _mode(config: TrainingConfiguration) -> Iterator[Contradiction]:
    if config.mode == "advisory" and config.profile not in ADVISORY_PROFILES:
        yield Contradiction(
            ("mode", "profile"),
            f"advisory is for {' and '.join(ADVISORY_PROFILES)} only, and the profile is {config.profile}: "
            "set mode to strict, or take profile development",
        )


def _clock(config: TrainingConfiguration) -> Iterator[Contradiction]:
    clock = config.clock
    if clock.start is not None and clock.start.tzinfo is None:
        yield Contradiction(("clock.start",), "has no time zone: end it with Z or an offset such as +01:00")
    if config.profile != "production":
        return
    if clock.time_scale != 1:
        yield Contradiction(
            ("clock.time_scale", "profile"),
            f"is {clock.time_scale:g} and production runs in real time: set it to 1, or take another profile",
        )
    if clock.start is not None:
        yield Contradiction(
            ("clock.start", "profile"),
            "is set and production begins when its phase begins: leave it out, or take another profile",
        )


def _live_test(config: TrainingConfiguration) -> Iterator[Contradiction]:
    live = config.live_test
    if live.streak > live.campaigns:
        yield Contradiction(
            ("live_test.streak", "live_test.campaigns"),
            f"asks for {live.streak} positive campaigns in a row and only {live.campaigns} may run: "
            "raise live_test.campaigns (10 at the most) or lower the streak",
        )
    if config.currency == "USD" and (reason := outside_cap_bounds(micros(live.daily_cap), "USD", Fraction(1))):
        yield Contradiction(("live_test.daily_cap",), f"{reason}: set it in between")
        return
    most = live.daily_cap * live.days
    if live.minimum_spend > most:
        yield Contradiction(
            ("live_test.minimum_spend", "live_test.daily_cap", "live_test.days"),
            f"is {live.minimum_spend} and a campaign of {live.days} days under a cap of {live.daily_cap} a day can "
            f"spend {most} at the most, so that none would count: lower it, or let campaigns run longer",
        )


def _scaled(config: TrainingConfiguration) -> Iterator[Contradiction]:
    scaled = config.scaled
    needed = scaled.daily_budget * len(scaled.products)
    if needed > scaled.daily_cap:
        yield Contradiction(
            ("scaled.daily_cap", "scaled.daily_budget", "scaled.products"),
            f"is {scaled.daily_cap} and {len(scaled.products)} products at {scaled.daily_budget} a day need {needed}: "
            "raise the cap, lower scaled.daily_budget, or name fewer products",
        )
    if scaled.periods * scaled.period_days > MOST_DAYS:
        yield Contradiction(
            ("scaled.periods", "scaled.period_days"),
            f"is {scaled.periods}, and times period_days {scaled.period_days} that is "
            f"{scaled.periods * scaled.period_days} days, where a campaign may have {MOST_DAYS}: lower either",
        )


def _limits(config: TrainingConfiguration) -> Iterator[Contradiction]:
    limits = config.limits
    for phase, cap in (("live_test", config.live_test.daily_cap), ("scaled", config.scaled.daily_cap)):
        if cap > limits.daily:
            yield Contradiction(
                (f"{phase}.daily_cap", "limits.daily"),
                f"is {cap} and limits.daily allows {limits.daily}: lower the cap or raise limits.daily",
            )
    for name, limit in (("campaign", limits.campaign), ("run", limits.run)):
        if config.live_test.daily_cap > limit:
            yield Contradiction(
                (f"limits.{name}", "live_test.daily_cap"),
                f"is {limit}, less than one day under live_test.daily_cap ({config.live_test.daily_cap}), so that "
                f"nothing could be launched: raise limits.{name} or lower the cap",
            )
    if list(limits.alerts) != sorted(set(limits.alerts)):
        yield Contradiction(("limits.alerts",), "must rise from one to the next: sort them and remove duplicates")


def _batches(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """A batch's number is its id: those of training and exam must not meet. An exam has fewer, by `too_long`."""
    rounds, each = config.simulation.rounds, config.simulation.batches_per_round
    room = FIRST_BATCH[BatchPurpose.EXAM] - FIRST_BATCH[BatchPurpose.TRAIN]
    if rounds * each > room:
        yield Contradiction(
            ("simulation.rounds", "simulation.batches_per_round"),
            f"is {rounds}, and times batches_per_round {each} that is {rounds * each} batches, where {room} can be "
            "numbered: lower either",
        )


def _market(config: TrainingConfiguration) -> Iterator[Contradiction]:
    market, simulation = config.market, config.simulation
    finite = [f"market.{name}" for name in ("fatigue", "frequency_cap") if getattr(market, name) > 0]
    if finite and not market.audience:
        yield Contradiction(
            ("market.audience", *finite),
            "is 0, an audience without end, which neither tires nor can be capped: set it to a number of people",
        )
    if simulation.campaigns_per_batch % market.own_campaigns:
        yield Contradiction(
            ("simulation.campaigns_per_batch", "market.own_campaigns"),
            f"is {simulation.campaigns_per_batch}, not a multiple of the {market.own_campaigns} campaigns that share "
            "an audience: use a multiple",
        )


def _personas(config: TrainingConfiguration) -> Iterator[Contradiction]:
    personas = config.personas
    own = [f"personas.{name}" for name in ("people", "creatives") if getattr(personas, name) is not None]
    if personas.source == "recorded" and own:
        yield Contradiction(
            ("personas.source", *own),
            "is recorded, and the recorded ratings are of the panel and the creatives that ship: "
            "use source endpoint for your own",
        )
    if personas.source == "none":
        return
    texts = SHIPPED_CREATIVES if personas.creatives is None else len(personas.creatives)
    if config.historical.logs and personas.creatives is None:
        yield Contradiction(
            ("personas.source", "historical.logs"),
            f"is {personas.source}, and the texts that ship are no texts of the items in {config.historical.logs[0]}: "
            "set historical.logs=[] for the market without logs, or give personas.creatives with source endpoint",
        )
    elif not config.historical.logs and texts != config.market.creatives:
        yield Contradiction(
            ("market.creatives", "personas.source", *own),
            f"is {config.market.creatives}, and the personas see {texts} texts: set it to {texts}",
        )


def _names(config: TrainingConfiguration) -> Iterator[Contradiction]:
    for path, names in (("historical.logs", config.historical.logs), ("scaled.products", config.scaled.products)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            yield Contradiction((path,), f"names {', '.join(twice)} more than once: name each once")


def _traps(config: TrainingConfiguration) -> Iterator[Contradiction]:
    for name in config.simulation.required_traps:
        if name not in TRAPS:
            near = get_close_matches(name, TRAPS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"use some of {', '.join(TRAPS)}"
            yield Contradiction(("simulation.required_traps",), f"names {name}, which is no trap: {meant}")
    if required_traps(config) and is_foreign(config.environment):
        yield Contradiction(
            ("simulation.required_traps", "environment", "profile"),
            f"need a market of ours, and {config.environment} is another package's: require none, in a profile that "
            "requires none",
        )
    if audit_required(config) and is_foreign(config.environment):
        yield Contradiction(
            ("simulation.audit", "environment", "profile"),
            f"needs a market of ours, and {config.environment} is another package's: require no exploit audit, in a "
            "profile that requires none",
        )


def _remote(config: TrainingConfiguration) -> Iterator[Contradiction]:
    remote = [path for path in ("agent", "incumbent") if getattr(config, path) == "remote"]
    if remote and config.remote.url is None:
        yield Contradiction(
            ("remote.url", *remote),
            f"is not set and {' and '.join(remote)} is remote, which is asked by HTTP: set it to the address before "
            "/act, such as http://127.0.0.1:8099, or choose another agent",
        )


def _curriculum(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """The tasks are right, and each task's market is one that a run could have."""
    found = list(mistakes(config))
    yield from found
    tasks = tasks_of(config)
    if found or not tasks:
        return
    own = set(contradictions(config.model_copy(update={"curriculum": Curriculum()})))
    for task in tasks:
        for each in contradictions(task_configuration(config, task)):
            if each not in own:
                where = ("curriculum.tasks", "curriculum.source")
                yield Contradiction(where, f"cannot have {task.name}: there {each.paths[0]} {each.message}")
