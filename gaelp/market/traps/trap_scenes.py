"""The worlds of every trap, by its name in gaelp/domain/trap_exams.py. Touch this to add a trap's worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gaelp.market.traps.trap_exam import TrapScenes
from gaelp.market.traps.trap_worlds import DAYS, Cells, Scene

PLAIN = Scene()


def _misreported(scene: Scene) -> TrapScenes:
    """The scene throughout, beside the same one whose reports claim nothing."""
    honest = replace(scene, claims=(), claimed_days=())
    return TrapScenes(scene, scene, honest=(honest, honest))


def _late(lag_days: float) -> Scene:
    return Scene({"economics": {"lag_days": lag_days, "attribution_window_days": 30}})


def _mixed(*traffic: float) -> Scene:
    others = tuple(Cells(segment, 1, click=3.0) for segment in (1, 2, 3))
    return Scene(cells=(Cells(0, 0, click=3.0), *others), traffic=traffic)


_AUTOBID = Scene({"market": {"bidding": "target-cpa", "learning_conversions": 5}})
_KEPT = replace(_AUTOBID, keeps_target=True)
_FORTY = Scene(
    {"market": {"creatives": 40, "hourly_auctions": 120, "creative_spread": 0.01}, "simulation": {"daily_budget": 20}}
)
_OTHER_MIX, _MIX = _mixed(0.85, 0.05, 0.05, 0.05), _mixed(0.05, 0.3, 0.3, 0.35)
_SEASON = Scene(conversion_days=(2.5,) * DAYS)
_WAR = Scene(price_days=(1.0,) + (2.5,) * (DAYS - 1))
_JUNK = Scene(cells=(Cells(3, click=5.0, conversion=0.02),))
_JUNK_SEEN = Scene(cells=(Cells(3, click=0.1),))  # an impression is worth as little, and its clicks say so

SCENES: Mapping[str, TrapScenes] = {
    "immature-days": TrapScenes(_late(5.0), _late(5.0), honest=(_late(0.01), _late(0.01))),
    "average-cost": TrapScenes(PLAIN, PLAIN),
    "organic-harvest": _misreported(Scene(cells=(Cells(0, conversion=0.3),), claims=(Cells(0, conversion=10.0),))),
    "high-season": TrapScenes(_SEASON, PLAIN, honest=(PLAIN, PLAIN)),
    "halo": _misreported(Scene(claimed_days=(1.0, 6.0) * 3 + (1.0,))),
    "changed-definition": _misreported(Scene(claimed_days=(1.0,) * 3 + (4.0,) * 4)),
    "learning-reset": TrapScenes(_AUTOBID, _AUTOBID, (_KEPT, _KEPT)),
    "lucky-winner": TrapScenes(_FORTY, _FORTY, rounds=1),
    "price-war": TrapScenes(PLAIN, _WAR),
    "cheap-autobidder": _misreported(replace(_AUTOBID, claimed_days=(2.5,) * DAYS)),
    "double-tag": _misreported(Scene(claimed_days=(2.0,) * DAYS)),
    "two-platforms": _misreported(Scene(claims=(Cells(0, conversion=3.0), Cells(1, conversion=3.0)))),
    "mix-shift": TrapScenes(_OTHER_MIX, _MIX, (_MIX, _MIX)),
    "coupon-returns": _misreported(
        Scene(cells=(Cells(creative=2, conversion=0.5),), claims=(Cells(creative=2, conversion=8.0),))
    ),
    "junk-placements": TrapScenes(_JUNK, _JUNK, honest=(_JUNK_SEEN, _JUNK_SEEN)),
}
