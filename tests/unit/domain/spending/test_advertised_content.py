"""What a campaign advertises: the creatives of its candidates, and the digest that binds them."""

from __future__ import annotations

import hashlib

from gaelp.domain.platform_records import Creative
from gaelp.domain.spending.advertised_content import content_digest, creatives_of


def test_each_candidate_has_a_creative_that_names_its_product() -> None:
    """The request and the launch make the same ones."""
    assert creatives_of("product-a", 2) == (
        Creative(id="item-000", headline="product-a: item 0"),
        Creative(id="item-001", headline="product-a: item 1"),
    )


def test_the_digest_is_of_canonical_json() -> None:
    """Sorted keys, no spaces, UTF-8: what was signed yesterday has the same digest tomorrow."""
    creatives = [Creative(id="1", headline="Schöne Töne", body="b")]
    text = '{"creatives":[{"body":"b","headline":"Schöne Töne","id":"1"}],"product":"p"}'
    assert content_digest("p", creatives) == hashlib.sha256(text.encode()).hexdigest()
