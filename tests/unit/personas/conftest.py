"""The endpoint that these tests ask. Touch this to share another fixture."""

from __future__ import annotations

from tests.support.rating_endpoints import serve

__all__ = ["serve"]
