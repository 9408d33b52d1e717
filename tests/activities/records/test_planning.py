"""What an exam fixes before its first episode, from the ledger and the warehouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.inputs import Inputs
from activities.records.planning import Planning
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import AttemptSeries
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import BeginExam, ExamTerms
from gaelp.records.content_store import ContentStore
from tests.support.activity_senders import as_phase
from tests.support.campaign_fixture import START, CampaignFixture

ENTRY, FROZEN = "e" * 64, "f" * 64


class Exams:
    """Exams of runs of one agent, in a ledger of their own."""

    def __init__(self, fixture: CampaignFixture, store: ContentStore) -> None:
        self.ledger, self.store, self.account = fixture.ledger, store, fixture.campaign.context.account
        self.planning = Planning(fixture.ledger, Inputs(store))

    def begin(self, run: str = "r1", *, trained: bool = False, frozen: str = FROZEN, **simulation: int) -> ExamTerms:
        """The terms of a run's exam."""
        config = TrainingConfiguration.model_validate({"simulation": simulation})
        context = RunContext(
            run=run, phase=Phase.SIMULATION, config_digest=self.store.put_document(loading.canonical(config)),
            market_digest="m" * 64, account=self.account, agent="mine", checkpoint_digest=frozen,
        )  # fmt: skip
        exam = BeginExam(context=context, entry_checkpoint_digest=ENTRY, entered_trained=trained)
        if self.ledger.run(run) is None:
            self.ledger.register_run(run, self.account, START)
            self.ledger.begin_run(run, BegunTerms(self.account, context.agent, context.config_digest), START)
        return as_phase(f"{run}/simulation", self.planning.begin_exam, exam)

    def graduate(self, checkpoint: str, agent: str = "mine", run: str = "before", **simulation: float) -> None:
        """Write down that the simulation's gate passed a checkpoint, in a run of its own."""
        config = TrainingConfiguration.model_validate({"simulation": simulation})
        digest = self.store.put_document(loading.canonical(config))
        self.ledger.register_run(run, self.account, START)
        self.ledger.begin_run(run, BegunTerms(self.account, agent, digest), START)
        passed = KeptVerdict(run, Phase.SIMULATION, checkpoint, "e" * 64, (), Verdict.PASS, True)
        self.ledger.keep_verdict(self.account, passed)

    def fail(self, run: str, phase: Phase) -> None:
        """Write down that a later run's gate failed the entry state, which takes every pass that it has."""
        failed = KeptVerdict(run, phase, ENTRY, "f" * 64, (), Verdict.FAIL, False)
        self.ledger.register_run(run, self.account, START)
        self.ledger.keep_verdict(self.account, failed, START, self.ledger.passed_gates("mine", ENTRY))


@pytest.fixture
def exams(fixture: CampaignFixture, tmp_path: Path) -> Exams:
    return Exams(fixture, ContentStore(str(tmp_path / "store")))


def test_an_agent_that_learned_here_is_compared_with_its_beginning(exams: Exams) -> None:
    """The entry checkpoint is the anchor, and a retry of the activity is the same attempt."""
    terms = exams.begin()
    assert (terms.anchor, terms.anchor_checkpoint_digest, terms.attempt) == (Anchor.ENTRY, ENTRY, 1)
    assert exams.begin() == terms


def test_an_agent_that_never_learns_or_came_trained_is_compared_with_the_incumbent(exams: Exams) -> None:
    """The incumbent has no checkpoint of its own."""
    for number, terms in enumerate((exams.begin(frozen=ENTRY), exams.begin("r2", trained=True)), start=1):
        assert (terms.anchor, terms.anchor_checkpoint_digest) == (Anchor.INCUMBENT, "")
        assert terms.attempt == number


def test_an_agent_whose_checkpoint_had_passed_is_compared_with_it(exams: Exams) -> None:
    """Only where the run came with that very checkpoint."""
    exams.graduate(ENTRY)
    came, began = exams.begin(trained=True), exams.begin("r2")
    assert (came.anchor, came.anchor_checkpoint_digest) == (Anchor.GRADUATED_ENTRY, ENTRY)
    assert began.anchor is Anchor.ENTRY


def test_a_state_that_lost_its_pass_is_a_graduate_again_only_by_the_whole_gate(exams: Exams) -> None:
    """Until then it must beat the incumbent, as one that never passed; a pass that came later counts."""
    exams.graduate(ENTRY)
    exams.fail("between", Phase.HISTORICAL)
    assert exams.begin("r2", trained=True).anchor is Anchor.INCUMBENT
    exams.graduate(ENTRY, run="again")
    assert exams.begin("r3", trained=True).anchor is Anchor.GRADUATED_ENTRY
    assert [each.lost_to for run in ("before", "again") for each in exams.ledger.verdicts(run)] == [
        "between/historical", ""
    ]  # fmt: skip


@pytest.mark.parametrize(("agent", "terms"), [("another", {}), ("mine", {"success_rate": 0.1})])
def test_neither_another_agent_nor_easier_terms_have_passed_for_it(
    exams: Exams, agent: str, terms: dict[str, float]
) -> None:
    """Two rules that learn nothing have equal checkpoints, and a gate that asked for less has proven less."""
    exams.graduate(ENTRY, agent, **terms)
    assert exams.begin(trained=True).anchor is Anchor.INCUMBENT


def test_the_block_is_announced_with_room_for_worlds_that_are_left_out(exams: Exams) -> None:
    """50 episodes at the first three attempts and 100 at the fourth; batches for 5 % more than were announced."""
    sizes = [(each.block_episodes, each.block_batches) for each in (exams.begin(f"r{n}") for n in range(1, 5))]
    assert sizes == [(50, 2), (50, 2), (50, 2), (100, 4)]
    tight = exams.begin("r5", consistency_episodes=128, campaigns_per_batch=128)
    assert (tight.block_episodes, tight.block_batches) == (128, 2)


@pytest.mark.parametrize("name", ["account", "product", "agent", "gate"])
def test_an_exam_is_announced_at_the_attempt_of_its_own_account_product_agent_and_gate(exams: Exams, name: str) -> None:
    """Earlier attempts of the same series count, and those of a series that differs in anything do not."""
    product = TrainingConfiguration().product
    own = AttemptSeries(account=exams.account, product=product, agent="mine", gate=Phase.SIMULATION)
    exams.ledger.put_account(exams.ledger.account(exams.account).model_copy(update={"account": "other"}))
    differing = own.model_copy(update={name: Phase.HISTORICAL if name == "gate" else "other"})
    for number, series in enumerate((differing, differing, own)):
        exams.ledger.next_attempt(series, f"before-{number}", START)
    assert exams.begin().attempt == 2
