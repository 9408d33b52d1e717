"""The error with which the emulator refuses a call. Touch this to add an error code."""

from __future__ import annotations

from gaelp.errors import GaelpError

DUPLICATE_NAME = "DUPLICATE_CAMPAIGN_NAME"
NOT_FOUND = "CAMPAIGN_NOT_FOUND"
INVALID = "INVALID_ARGUMENT"


class Refusal(GaelpError):
    """Answered as JSON {code, message} with an HTTP status."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after_seconds = retry_after_seconds
