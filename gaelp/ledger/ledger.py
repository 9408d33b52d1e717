"""The ledger's façade: every question about money and every change of it is a method of `Ledger`.

Every method is one transaction. Amounts are integer micros of the account's currency. Any method may raise
LedgerUnavailable: nothing was booked, or the answer was lost and the same call again finds it. Instants are aware
datetimes; where a method takes none, it is an owner's command and the wall clock is used. Touch this to add a method.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from gaelp.domain.ad_accounts import Account, Approver
from gaelp.domain.spending.ledger_records import (
    AttemptSeries,
    Claim,
    Claimed,
    JournalEntry,
    PassedGate,
    Reserve,
    Reserved,
)
from gaelp.domain.spending.signed_starts import ProvenStart
from gaelp.ledger.approval_books import ApprovalBooks
from gaelp.ledger.rules.reservation_rules import RaiseStep, RunLimits
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.stored_records import (
    AttemptCount,
    BegunTerms,
    CreatedCampaign,
    KeptVerdict,
    Posted,
    RegisteredRun,
    Reservation,
)
from gaelp.ledger.stores import (
    account_store,
    claim_store,
    coverage_store,
    journal,
    request_store,
    reservation_store,
    run_store,
    spend_store,
)
from gaelp.ledger.stores.database import Took, open_database


class Ledger(ApprovalBooks):
    """Accounts, approvals, reservations, claims, violations and their journal. Safe to share between threads."""

    @classmethod
    def open(cls, url: str, took: Took | None = None) -> Ledger:
        """Open sqlite:///FILE or postgresql://…, making the tables where absent; raises LedgerUnavailable."""
        return cls(open_database(url, took))

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()

    # ------------------------------------------------------------ accounts

    def put_account(self, account: Account, *, by: str = "owner", at: datetime | None = None) -> None:
        """Enter an account or change its envelope; the fence never falls."""
        with self._database.writing() as connection:
            account_store.put(connection, account, by, at or _now())

    def account(self, name: str) -> Account:
        """One account; raises UnknownAccount."""
        with self._database.reading() as connection:
            return account_store.read(connection, name)

    def accounts(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._database.reading() as connection:
            return account_store.read_all(connection)

    def fence(self, account: str) -> int:
        """The account's fence; raises UnknownAccount."""
        return self.account(account).fence

    def raise_fence(self, account: str, reason: str, by: str, at: datetime) -> int:
        """Add one to the fence, so that approvals, claims and open requests under the old one are void; returns it."""
        with self._database.writing() as connection:
            return account_store.raise_fence(connection, account, reason, by, at)

    def ask_for_calls(self, account: Account, now: datetime) -> timedelta:
        """Book the calls of one activity on the account's quota, or return how long it must wait for them.

        `now` is of the wall clock, and of the caller's machine.
        """
        if account.call_quota is None:
            return timedelta(0)
        with self._database.writing() as connection:
            return account_store.ask_for_calls(connection, account.account, account.call_quota, now)

    def count_calls(self, account: Account, calls: int, now: datetime) -> None:
        """Book so many calls that nobody asked for, or give back so many, a negative number, that were not made."""
        if account.call_quota is not None and calls:
            with self._database.writing() as connection:
                account_store.count_calls(connection, account.account, account.call_quota, calls, now)

    def put_approver(self, approver: Approver, *, by: str = "owner", at: datetime | None = None) -> None:
        """Let a named person approve up to a limit; raises LedgerConflict for a demo key on a real account."""
        with self._database.writing() as connection:
            account_store.put_approver(connection, approver, by, at or _now())

    def approvers(self, account: str) -> tuple[Approver, ...]:
        """Who may approve on an account."""
        with self._database.reading() as connection:
            return account_store.approvers(connection, account)

    def remove_approver(self, account: str, key_id: str, *, by: str = "owner", at: datetime | None = None) -> bool:
        """Take the right to approve from a key; False where it had none."""
        with self._database.writing() as connection:
            return account_store.remove_approver(connection, account, key_id, by, at or _now())

    # ------------------------------------------------------------ runs and attempts

    def register_run(self, run: str, account: str, at: datetime, start: ProvenStart | None = None) -> None:
        """Register a run's name for ever. The identical call again is harmless; any other raises RunNameTaken.

        `start`: who proves that he starts it, and on which terms; raises LedgerConflict where it proves nobody here.
        """
        with self._database.writing() as connection:
            run_store.register(connection, run, account, at, start)

    def begin_run(self, run: str, terms: BegunTerms, at: datetime | None = None) -> Ruling:
        """Note on which terms a run begins, once for ever; the same again is harmless, and other terms are refused."""
        with self._database.writing() as connection:
            return run_store.begin(connection, run, terms, at or _now())

    def runs(self) -> tuple[RegisteredRun, ...]:
        """Every run that ever was, oldest first."""
        with self._database.reading() as connection:
            return run_store.read_all(connection)

    def run(self, run: str) -> RegisteredRun | None:
        """A run, or None where its name was never registered."""
        with self._database.reading() as connection:
            return run_store.read(connection, run)

    def stop_run(self, run: str, reason: str, by: str, at: datetime) -> int:
        """Refuse a run every further reservation, claim and request, for ever; returns its account's fence as it stays.

        Raises UnregisteredRun.
        """
        with self._database.writing() as connection:
            fence = run_store.stop(connection, run, reason, by, at, request_store.accounts_of(connection, run))
            request_store.withdraw(connection, run, at)
            return fence

    def judge_run(self, run: str) -> Ruling:
        """Whether the run may go on; it may not where it was stopped."""
        with self._database.reading() as connection:
            return judge_run(run_store.read(connection, run))

    def next_attempt(self, series: AttemptSeries, assessment: str, at: datetime | None = None) -> int:
        """The number of this assessment in its series, from 1; idempotent."""
        with self._database.writing() as connection:
            return run_store.next_attempt(connection, series, assessment, at or _now())

    def keep_verdict(
        self, account: str, verdict: KeptVerdict, at: datetime | None = None, lost: Sequence[PassedGate] = ()
    ) -> None:
        """Keep what the gate of a phase said last: an approval names its evidence from here, and from no message."""
        with self._database.writing() as connection:
            run_store.keep_verdict(connection, account, verdict, at or _now(), lost)

    def attempts(self) -> tuple[AttemptCount, ...]:
        """How many attempts of every series are used, and how many were forgiven."""
        with self._database.reading() as connection:
            return run_store.attempts(connection)

    def reset_attempts(self, series: AttemptSeries, by: str, reason: str, at: datetime) -> int:
        """Let a series begin at 1 again, by a named person with a reason; returns how many attempts are forgiven."""
        with self._database.writing() as connection:
            return run_store.reset_attempts(connection, series, by, reason, at)

    # ------------------------------------------------------------ money

    def reserve(
        self,
        booking: Reserve,
        campaign_cap_micros: int | None = None,
        run_cap_micros: int | None = None,
        account_daily_limit_micros: int | None = None,
        step: RaiseStep | None = None,
        alerts: tuple[float, ...] = (),
    ) -> Reserved:
        """Book the worst case of a campaign day if approval, fence, step and every cap allow it; None is no limit.

        `alerts` are shares of the limits; the journal notes which of them the booking crosses.
        """
        limits = RunLimits(campaign_cap_micros, run_cap_micros, account_daily_limit_micros, step, alerts)
        with self._database.writing() as connection:
            return reservation_store.reserve(connection, booking, limits)

    def post(self, key: str, billed_micros: int, served_micros: int, at: datetime) -> Posted:
        """Record absolute spend so far; above what is reserved or settled it trips the stop (violation, fence + 1).

        Less than was reported before is a violation too, and changes nothing.
        """
        with self._database.writing() as connection:
            return spend_store.post(connection, key, billed_micros, served_micros, at)

    def settle(self, key: str, final_micros: int, at: datetime) -> Posted:
        """Close a reservation at its final amount, never below what was posted; raises UnknownReservation."""
        with self._database.writing() as connection:
            return spend_store.settle(connection, key, final_micros, at)

    def freeze_expired(
        self, before: date, at: datetime, account: str | None = None, campaign: str | None = None
    ) -> tuple[str, ...]:
        """Freeze open reservations of days before `before`; returns their keys. They count until reconciled.

        With an account, or a campaign on it, only theirs: a campaign's days are those of its own clock.
        """
        with self._database.writing() as connection:
            return reservation_store.freeze_expired(connection, before, at, account, campaign)

    def open_exposure(self, account: str) -> int:
        """What may still be billed: what is counted for every reservation that is not settled."""
        with self._database.reading() as connection:
            return reservation_store.open_exposure(connection, account)

    def differing_totals(self, account: str) -> tuple[str, ...]:
        """One sentence for each total of the account and its runs that is not the sum of its reservations: a fault."""
        with self._database.snapshot() as connection:
            return reservation_store.differing_totals(connection, account)

    def spent(self, run: str, phase: str | None = None) -> int:
        """What a run (or one phase of it) has spent, as far as its platforms have reported."""
        with self._database.reading() as connection:
            return spend_store.spent(connection, run, phase)

    def reservations(
        self, account: str | None = None, run: str | None = None, campaign: str | None = None
    ) -> tuple[Reservation, ...]:
        """Reservations of an account, a run, a campaign, or of what is given of them together, by day and key."""
        with self._database.reading() as connection:
            return reservation_store.listed(connection, account, run, campaign)

    # ------------------------------------------------------------ claims

    def claim(self, claim: Claim) -> Claimed:
        """Claim one call that can spend; granted at most once per key until it is resolved as failed."""
        with self._database.writing() as connection:
            return claim_store.grant(connection, claim)

    def resolve(self, key: str, outcome: str, detail: str, at: datetime, platform_id: str = "") -> None:
        """Record how a claimed call ended: done, failed or unknown; raises UnknownClaim, LedgerConflict."""
        with self._database.writing() as connection:
            claim_store.resolve(connection, key, outcome, detail, at, platform_id)

    def created_campaigns(
        self, account: str, failed_too: bool = False, campaign: str | None = None
    ) -> tuple[CreatedCampaign, ...]:
        """Campaigns of ours on an account (or one of them), with their platform ids where the platform told them.

        `failed_too`: also those whose creation is recorded as failed, because an answer can be wrong.
        """
        with self._database.reading() as connection:
            return claim_store.created(connection, account, failed_too, campaign)

    def unresolved_claims(self, account: str) -> tuple[Claim, ...]:
        """Claims whose outcome is not known, oldest first."""
        with self._database.reading() as connection:
            return claim_store.unresolved(connection, account)

    def judge_enabled(self, account: str, campaigns: Iterable[str]) -> dict[str, Ruling]:
        """Campaign -> whether it may be enabled: a day of it is open, under an approval that stands."""
        with self._database.reading() as connection:
            return coverage_store.judge(connection, account, campaigns)

    # ------------------------------------------------------------ the journal

    def journal(
        self, after: int = 0, limit: int = 1000, *, kinds: Sequence[str] = (), but: Sequence[str] = ()
    ) -> tuple[JournalEntry, ...]:
        """Entries numbered above `after`, in order, at most `limit`; the numbers have no gaps.

        `kinds` takes only those, `but` leaves those out.
        """
        with self._database.reading() as connection:
            return journal.read(connection, after, limit, kinds, but)


def _now() -> datetime:
    return datetime.now(UTC)
