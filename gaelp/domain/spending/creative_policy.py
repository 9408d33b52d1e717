"""What may be advertised at all: nothing goes live with unchecked content.

Keywords are matched on a folded text: compatibility forms and accents are removed, case folded, zero-width characters
and separators dropped, so that "F R E E", "fŕèè" and "ＦＲＥＥ" are all "free". Touch this to change what is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from gaelp.domain.config.run_sections import Safety
from gaelp.domain.platform_records import Creative


def folded(text: str) -> str:
    """Letters and digits only, without accents, in one case (Unicode NFKD, then casefold)."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def refused_creatives(creatives: Sequence[Creative], safety: Safety) -> str:
    """The first creative that policy refuses, and why; nothing where all may go live."""
    if not creatives:
        return "a campaign without creatives cannot be checked, so it may not go live"
    for creative in creatives:
        text = folded(creative.headline + creative.body)
        if not text:
            return f"creative {creative.id} has no text to check"
        keyword = next((k for k in safety.forbidden_keywords if folded(k) and folded(k) in text), None)
        if keyword is not None:
            return f"creative {creative.id} contains the forbidden keyword {keyword!r}"
    return ""
