"""The training configuration: what a user may choose for a run.

Money here is in units of the currency with its decimals (`daily_budget: 20.00`); `gaelp.money.micros` turns it into the
integer micros that everything else uses.

Touch this to add a section; loading is elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gaelp.domain.config import older_form
from gaelp.domain.config.curriculum_section import Curriculum
from gaelp.domain.config.market_sections import Economics, Market, Personas
from gaelp.domain.config.phase_sections import Historical, LiveTest, Scaled, Simulation
from gaelp.domain.config.run_sections import Approval, Clock, Limits, Remote, Safety
from gaelp.domain.config.section import CURRENCY_PATTERN, ENVIRONMENT_PATTERN, Name, Section


class TrainingConfiguration(Section):
    """Everything that decides what a run does. Its digest names it exactly."""

    profile: Literal["quick-test", "development", "staging", "production"] = "quick-test"
    mode: Literal["advisory", "strict"] = Field("strict", description="advisory: INCONCLUSIVE goes on, unproven")
    seed: int = Field(0, ge=0, lt=2**63, description="root of every random stream")
    agent: Name = Field("linear-thompson", description="entry point in the group gaelp.agents")
    environment: str = Field(
        "gaelp/AdMarket-v0",
        pattern=ENVIRONMENT_PATTERN,
        description="Gymnasium id of the simulated world",
    )
    incumbent: Name = Field("fixed-bid", description="the policy that acts today; reference and fallback")
    product: Name = Field("product-a", description="what the live test advertises")
    account: Name = Field("emulator", description="ad account, as its owner entered it in the ledger")
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] = "USD"
    economics: Economics = Economics()
    market: Market = Market()
    personas: Personas = Personas()
    remote: Remote = Remote()
    simulation: Simulation = Simulation()
    curriculum: Curriculum = Curriculum()
    historical: Historical = Historical()
    live_test: LiveTest = LiveTest()
    scaled: Scaled = Scaled()
    limits: Limits = Limits()
    safety: Safety = Safety()
    approval: Approval = Approval()
    clock: Clock = Clock()

    @model_validator(mode="before")
    @classmethod
    def _older_form(cls, data: Any) -> Any:
        """Older callers give flat keywords: TrainingConfiguration(**DEVELOPMENT_CONFIG.to_legacy_config())."""
        if isinstance(data, dict) and not data.keys() <= cls.model_fields.keys():
            return older_form.nested(cls, data)
        return data

    def to_legacy_config(self) -> dict[str, Any]:
        """The flat form of older callers; its keys are listed in docs/configuration.md."""
        return older_form.flat(self)

    @classmethod
    def from_legacy_config(cls, flat: dict[str, Any]) -> Self:
        """The configuration of a flat form; unknown and retired keys are refused by name."""
        return cls.model_validate(flat)
