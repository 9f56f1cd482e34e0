"""How high a chart is: one peak does not flatten it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

HEADROOM: Final = 1.5
"""So many times as high as the usual values is as high as a chart may be."""

FEW: Final = 20
"""One value in so many may be higher than the usual ones."""

ENOUGH: Final = 5
"""So many values tell what is usual."""


def top_of(values: Iterable[float]) -> float:
    """The highest value that a chart has room for; what is higher is drawn at its edge, and told.

    Args:
        values: that are known.

    Returns:
        The highest of them, but never so much that all but the highest ones, at most one in
        twenty, would fill less than two thirds of the chart, whatever the highest are.
    """
    ordered = sorted(values, reverse=True)
    if not ordered or ordered[0] <= 0:
        return 1.0
    higher = math.ceil(len(ordered) / FEW) if len(ordered) >= ENOUGH else 0
    room = HEADROOM * ordered[higher]
    return float(min(ordered[0], room) if room > 0 else ordered[0])
