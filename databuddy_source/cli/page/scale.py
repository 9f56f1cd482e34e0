"""How high a chart is: one peak does not flatten it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

PEAK: Final = 3
"""So many times as high as all other values is a peak."""

FEW: Final = 20
"""One value in so many may be a peak."""


def top_of(values: Iterable[float]) -> float:
    """The highest value that a chart has room for; what is higher is drawn at its edge, and told.

    Args:
        values: that are known.

    Returns:
        The highest of them, or less where the highest ones, at most one in twenty, are peaks.
    """
    ordered = sorted(values, reverse=True)
    if not ordered or ordered[0] <= 0:
        return 1.0
    for peaks in range(math.ceil(len(ordered) / FEW), 0, -1):
        if peaks < len(ordered) and 0 < PEAK * ordered[peaks] < ordered[peaks - 1]:
            return 1.25 * ordered[peaks]
    return float(ordered[0])
