"""What a campaign advertises: its product and its creatives, made by one function for the request and the launch.

Touch this when creatives come from somewhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from gaelp.domain.platform_records import Creative


def creatives_of(product: str, candidates: int) -> tuple[Creative, ...]:
    """The creatives of a campaign, one for each candidate of its market."""
    return tuple(Creative(id=f"item-{k:03d}", headline=f"{product}: item {k}") for k in range(candidates))


def content_digest(product: str, creatives: Sequence[Creative]) -> str:
    """SHA-256 hex of the product and all texts: what an approval binds, a reservation is asked with and

    an adapter makes of the ads that it reads on the platform.
    """
    content = {"product": product, "creatives": [creative.model_dump(mode="json") for creative in creatives]}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
