"""Run names, registered for ever; attempts at a gate, counted across runs; what a run's gates said (docs/gates.md).

Touch this to change what counts as an attempt; which attempts belong together is AttemptSeries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.ad_accounts import Account
from gaelp.domain.gates.demotion import demoting
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.ids import checked_name, phase_id
from gaelp.domain.spending.approval_requests import ApprovalRequest, RequestApproval
from gaelp.domain.spending.ledger_records import AttemptSeries, PassedGate
from gaelp.domain.spending.signed_starts import ProvenStart, Starter, start_digest
from gaelp.ledger.ledger_errors import LedgerConflict, RunNameTaken, UnregisteredRun
from gaelp.ledger.persons_word import refuse_nobody
from gaelp.ledger.rules import approval_rules
from gaelp.ledger.rules.decision_rules import judge_starter
from gaelp.ledger.rules.person_rules import PersonsAct
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.run_rules import judge_beginning
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stored_records import AttemptCount, BegunTerms, JudgedState, KeptVerdict, RegisteredRun
from gaelp.ledger.stores import account_store, journal, tables
from gaelp.ledger.stores.journal import Subject

_IDENTITY = Query(sa.select(tables.schema.c.identity), str)
_r = tables.runs
_n = tables.attempts
_SERIES = (_n.c.account, _n.c.product, _n.c.agent, _n.c.gate)
_OF_SERIES = sa.and_(*(column == sa.bindparam(column.name) for column in _SERIES))


def _count(account: str, product: str, agent: str, gate: str, used: int, made: int) -> AttemptCount:
    return AttemptCount(AttemptSeries(account=account, product=product, agent=agent, gate=gate), used, made - used)


def _registered(*row: Any) -> RegisteredRun:
    values = dict(zip(_r.c.keys(), row, strict=True))
    signed = values["starter"]
    values["rests_on_passes"] = bool(values["rests_on_passes"])
    values["starter"] = None if signed is None else Starter.model_validate(signed)
    return RegisteredRun(**values)


_ONE = Query(sa.select(_r).where(_r.c.run == sa.bindparam("run")), _registered)
_LOCKED = Query(sa.select(_r).where(_r.c.run == sa.bindparam("run")).with_for_update(), _registered)
_ALL = Query(sa.select(_r).order_by(_r.c.at, _r.c.run), _registered)
_UNBEGUN = {"ended_at": None, "stopped_at": None, "agent": "", "config_digest": "", "rests_on_passes": False}
_REGISTER = Change(_r.insert().values(given(_r.c.keys(), **_UNBEGUN)))
_BEGIN = Change(
    _r.update().where(_r.c.run == sa.bindparam("of_run")).values(given(("agent", "config_digest", "rests_on_passes")))
)
_STOP = Change(_r.update().where(_r.c.run == sa.bindparam("run")).values(stopped_at=sa.bindparam("at")))
_END = Change(_r.update().where(_r.c.run == sa.bindparam("run")).values(ended_at=sa.bindparam("at")))
_ATTEMPT = Query(sa.select(_n.c.attempt).where(_OF_SERIES, _n.c.assessment == sa.bindparam("assessment")), int)
_USED = Query(
    sa.select(sa.func.coalesce(sa.func.max(_n.c.attempt), 0)).where(_OF_SERIES, _n.c.counted.is_(sa.true())), int
)
_COUNT = Change(_n.insert().values(given(_n.c.keys(), counted=True)))
_FORGIVE = Change(_n.update().where(_OF_SERIES, _n.c.counted.is_(sa.true())).values(counted=False))
_v = tables.verdicts


def _verdict(*row: Any) -> KeptVerdict:
    values = dict(zip(_v.c.keys(), row, strict=True))
    values["heads"], values["promote"] = tuple(values["heads"]), bool(values["promote"])
    values["criteria"] = tuple(CriterionVerdict.model_validate(each) for each in values["criteria"])
    return KeptVerdict(**values)


_OF_RUN = _v.c.run == sa.bindparam("run")
_VERDICTS = Query(sa.select(_v).where(_OF_RUN), _verdict)
_PASSED = Query(
    sa.select(_v.c.run, _r.c.account, _v.c.phase, _r.c.config_digest)
    .where(
        _v.c.checkpoint_digest == sa.bindparam("checkpoint"),
        _v.c.verdict == Verdict.PASS,
        _v.c.lost_to == "",
        _r.c.run == _v.c.run,
        _r.c.agent == sa.bindparam("agent"),
    )
    .order_by(_v.c.run, _v.c.phase),
    lambda run, account, phase, config_digest: PassedGate(
        run=run, account=account, phase=phase, config_digest=config_digest
    ),
)
_OF_STATE = Query(
    sa.select(_v.c.run, _v.c.phase, _v.c.verdict, _v.c.lost_to)
    .where(
        _v.c.checkpoint_digest == sa.bindparam("checkpoint"),
        _r.c.run == _v.c.run,
        sa.or_(_OF_RUN, _r.c.agent == sa.bindparam("agent")),
    )
    .order_by(_v.c.run, _v.c.phase),
    JudgedState,
)
_REPLACE_VERDICT = Change(
    _v.update()
    .where(_OF_RUN, _v.c.phase == sa.bindparam("phase"))
    .values(given(c.name for c in _v.c if not c.primary_key and c.name != "lost_to"))
)
_KEEP_VERDICT = Change(_v.insert())
_LOSE = Change(
    _v.update()
    .where(_v.c.run == sa.bindparam("of_run"), _v.c.phase == sa.bindparam("of_phase"), _v.c.lost_to == "")
    .values(lost_to=sa.bindparam("to"))
)
_COUNTS = Query(
    sa.select(*_SERIES, sa.func.sum(sa.case((_n.c.counted, 1), else_=0)), sa.func.count())
    .group_by(*_SERIES)
    .order_by(*_SERIES),
    _count,
)


def register(connection: Connection, run: str, account: str, at: datetime, start: ProvenStart | None = None) -> None:
    """Take a run's name for ever; the same call again is harmless, any other raises RunNameTaken.

    `start` is the signature of its start and its terms; raises LedgerConflict where it is none of the account's
    people's, or was made for another ledger.
    """
    checked_name(run, "the run name")
    known = account_store.lock(connection, account)
    starter = None if start is None else _starter(connection, run, known, start)
    existing = read(connection, run)
    if existing is not None:
        if (existing.account, existing.at) == (account, at):
            return
        raise RunNameTaken(f"the run name {run!r} was taken at {existing.at.isoformat()}: choose another")
    signed = None if starter is None else starter.model_dump()
    connection.change(_REGISTER, run=run, account=account, at=at, starter=signed)
    proof = {**starter.model_dump(), "signature": start.signed.signature} if starter and start else {}
    journal.write(connection, "run", at, Subject(account, run, key=run), **proof)


def _starter(connection: Connection, run: str, account: Account, start: ProvenStart) -> Starter:
    digest = start_digest(identity(connection), run, account.account, start.agent, start.config_digest)
    approver = account_store.approver_of(connection, account.account, start.signed.key_id)
    ruling = judge_starter(approver, start.signed, account, digest)
    if not ruling.granted or approver is None:
        raise LedgerConflict(ruling.reason)
    return Starter(key_id=approver.key_id, name=approver.name, agent=start.agent, config_digest=start.config_digest)


def identity(connection: Connection) -> str:
    """What tells this ledger from every other; a backup of it has the same."""
    return connection.one(_IDENTITY)


def begin(connection: Connection, run: str, terms: BegunTerms, at: datetime) -> Ruling:
    """Note on which terms a run begins; the same terms again are harmless, and others are refused."""
    account_store.lock(connection, terms.account)
    registered = read(connection, run)
    ruling = judge_beginning(run, registered, terms)
    if ruling.granted and registered is not None and not registered.config_digest:
        begun = {"config_digest": terms.config_digest, "rests_on_passes": terms.rests_on_passes}
        connection.change(_BEGIN, of_run=run, agent=terms.agent, **begun)
        subject = Subject(terms.account, run, key=run)
        journal.write(connection, "run-begun", at, subject, agent=terms.agent, config_digest=terms.config_digest)
    return ruling


def read_all(connection: Connection) -> tuple[RegisteredRun, ...]:
    """Every run that ever was, oldest first."""
    return tuple(connection.all(_ALL))


def read(connection: Connection, run: str) -> RegisteredRun | None:
    """A run, or None where its name was never registered."""
    return connection.first(_ONE, run=run)


def lock(connection: Connection, run: str) -> RegisteredRun | None:
    """Read a run, or None, and hold its row until the transaction ends."""
    return connection.first(_LOCKED, run=run)


def stop(connection: Connection, run: str, reason: str, by: str, at: datetime, asked_on: Iterable[str] = ()) -> int:
    """Refuse the run every further reservation and claim, for ever; returns its account's fence, which stays.

    `asked_on` are accounts that the same transaction changes after it: all are locked here, in their one order.
    """
    registered = read(connection, run)
    if registered is None:
        raise UnregisteredRun(f"there is no run {run!r} in the ledger: `starter.py list` shows those there are")
    locked = {name: account_store.lock(connection, name) for name in sorted({registered.account, *asked_on})}
    account = locked[registered.account]
    if registered.stopped_at is None:
        connection.change(_STOP, run=run, at=at)
        journal.write(connection, "run-stopped", at, Subject(account.account, run, key=run), reason=reason, by=by)
    return account.fence


def end(connection: Connection, run: str, at: datetime, asked_on: Iterable[str] = ()) -> None:
    """Note that a run has ended, once; a name that was never registered has not.

    `asked_on` is as in `stop`.
    """
    registered = read(connection, run)
    own = {registered.account} if registered is not None else set()
    for name in sorted({*own, *asked_on}):
        account_store.lock(connection, name)
    if registered is not None and registered.ended_at is None:
        connection.change(_END, run=run, at=at)
        journal.write(connection, "run-ended", at, Subject(registered.account, run, key=run))


def next_attempt(connection: Connection, series: AttemptSeries, assessment: str, at: datetime) -> int:
    """The attempt number k of this assessment, from 1; the same assessment again gets the same number."""
    account_store.lock(connection, series.account)
    values = series.model_dump()
    existing = connection.first(_ATTEMPT, **values, assessment=assessment)
    if existing is not None:
        return existing
    attempt = connection.one(_USED, **values) + 1
    connection.change(_COUNT, **values, assessment=assessment, attempt=attempt)
    subject = Subject(values.pop("account"), key=assessment)
    journal.write(connection, "attempt", at, subject, **values, attempt=attempt)
    return attempt


def keep_verdict(
    connection: Connection, account: str, verdict: KeptVerdict, at: datetime, lost: Sequence[PassedGate] = ()
) -> None:
    """Keep what a gate said; what it said of the same phase of the same run before is replaced.

    `lost` are passes that it takes, of runs on any account. A pass that was lost stays lost, whatever is kept later.
    """
    for name in sorted({account, *(each.account for each in lost)}):
        account_store.lock(connection, name)
    kept = {each.phase: replace(each, lost_to="") for each in verdicts(connection, verdict.run)}
    if kept.get(verdict.phase) == verdict:
        return
    values = {**vars(verdict), "heads": list(verdict.heads)}
    values["criteria"] = [each.model_dump(mode="json") for each in verdict.criteria]
    if verdict.phase in kept:
        values.pop("lost_to")
        connection.change(_REPLACE_VERDICT, **values)
    else:
        connection.change(_KEEP_VERDICT, **values)
    subject = Subject(account, verdict.run, verdict.phase, key=f"{verdict.run}/{verdict.phase}")
    told = {name: values[name] for name in ("checkpoint_digest", "evidence_digest", "heads", "verdict", "promote")}
    journal.write(connection, "verdict", at, subject, **told)
    for each in lost:
        _lose(connection, each, verdict, at)


def _lose(connection: Connection, lost: PassedGate, verdict: KeptVerdict, at: datetime) -> None:
    to = phase_id(verdict.run, verdict.phase)
    if not connection.change(_LOSE, of_run=lost.run, of_phase=lost.phase, to=to):
        return  # another gate was quicker
    subject = Subject(lost.account, lost.run, lost.phase, key=phase_id(lost.run, lost.phase))
    failed = ", ".join(f"{each.id} {each.name}" for each in demoting(verdict.criteria))
    journal.write(connection, "pass-lost", at, subject, checkpoint=verdict.checkpoint_digest, to=to, failed=failed)


def verdicts(connection: Connection, run: str) -> tuple[KeptVerdict, ...]:
    """What the gates of a run said last."""
    return tuple(connection.all(_VERDICTS, run=run))


def attempts(connection: Connection) -> tuple[AttemptCount, ...]:
    """Every series with its attempts, by account, product, agent and gate."""
    return tuple(connection.all(_COUNTS))


def reset_attempts(connection: Connection, series: AttemptSeries, by: str, reason: str, at: datetime) -> int:
    """Begin counting at 1 again; only a named person with a reason may. Returns how many attempts are forgiven."""
    refuse_nobody(PersonsAct.RESET, by, reason)
    account_store.lock(connection, series.account)
    values = series.model_dump()
    forgiven = connection.change(_FORGIVE, **values)
    subject = Subject(values.pop("account"))
    journal.write(connection, "attempts-reset", at, subject, **values, by=by, reason=reason, forgiven=forgiven)
    return forgiven


def passed_gates(connection: Connection, agent: str, checkpoint: str) -> tuple[PassedGate, ...]:
    """The gates that gave this agent with this very checkpoint a PASS, in whatever run, and that no FAIL has taken.

    Agents that learn nothing of their own have equal checkpoints, and pass for themselves only.
    """
    return tuple(connection.all(_PASSED, agent=agent, checkpoint=checkpoint))


def judge_passes(connection: Connection, asked: ApprovalRequest | RequestApproval) -> Ruling:
    """Whether the passes that the asking phase rests on still count."""
    judged = connection.all(_OF_STATE, run=asked.run, agent=asked.agent, checkpoint=asked.checkpoint_digest)
    run = read(connection, asked.run)
    return approval_rules.judge_passes(asked, judged, others=run is not None and run.rests_on_passes)
