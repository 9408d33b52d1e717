"""What the sections of the configuration are made of: the base class, and types of single settings.

Touch this when a new kind of value can be set."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Payable:
    """Marks an amount that is paid or compared with what is paid: it is a whole number of smallest units."""


# Four decimals are the most that a currency of ISO 4217 has.
Price = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=4)]


Money = Annotated[Price, Payable()]


Share = Annotated[float, Field(ge=0, le=1)]


Positive = Annotated[float, Field(gt=0)]


Count = Annotated[int, Field(ge=1)]


NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"


Name = Annotated[str, Field(pattern=NAME_PATTERN)]


URL_PATTERN = r"^https?://[^\s@]+$"


ENVIRONMENT_PATTERN = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+-v[0-9]+$"


CURRENCY_PATTERN = "^[A-Z]{3}$"


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
