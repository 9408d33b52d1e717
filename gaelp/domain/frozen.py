"""The base of all records and messages: frozen, without unknown fields. Touch this to change what all of them do."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable record; it is changed by copy (`model_copy`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
