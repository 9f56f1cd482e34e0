"""Days as a chart: Vega-Lite says what is drawn, `vl-convert` draws it as SVG, without a browser
and without a script in what comes of it.

Colours are variables of the page's style sheet, so that a chart is light or dark as the page is.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from itertools import groupby, pairwise
from typing import Any, Final

from databuddy_source.cli.page.scale import top_of
from databuddy_source.errors import BadConfiguration

SVG: Final = "http://www.w3.org/2000/svg"
LIBRARIES: Final = ("jinja2", "vl_convert")
"""Of the extra `dashboard`, as they are imported."""

VERSION: Final = "5.20"
"""Of Vega-Lite, which `vl-convert` brings in several."""

WIDE, NARROW = 700, 270
"""Widths in pixels; the page shows the one that fits."""

SHAPES: Final[Mapping[str, str]] = {
    "may grow": "circle",
    "running": "triangle-right",
    "suspect": "diamond",
    "truncated": "triangle-up",
    "failed": "cross",
    "missing": "square",
}
"""How a day that is not final is marked."""

_INK, _MUTED, _GRID, _LINE = (f"var(--{name})" for name in ("ink", "muted", "grid", "line"))
_CONFIG: Final[Mapping[str, Any]] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "aria": False,
        "domainColor": _GRID,
        "gridColor": _GRID,
        "tickColor": _GRID,
        "labelColor": _MUTED,
        "labelFontSize": 12,
        "title": None,
    },
    "legend": {"aria": False, "labelColor": _INK, "labelFontSize": 12, "title": None},
}


@dataclass(frozen=True)
class Dot:
    """A day of a chart.

    Attributes:
        value: None is not known.
        says: the day in words.
    """

    date: date
    state: str
    value: float | None
    says: str


def refuse_without_library() -> None:
    """Make sure that charts can be drawn.

    Raises:
        BadConfiguration: says what to install.
    """
    if not can_draw():
        raise BadConfiguration(
            f"A dashboard needs what is not installed ({' and '.join(LIBRARIES)})",
            "Run `pip install 'databuddy-source[dashboard]'`.",
        )


def can_draw() -> bool:
    """Whether what draws charts is installed. Imports none of it."""
    return all(map(find_spec, LIBRARIES))


def drawn(dots: Sequence[Dot], *, narrow: bool, unit: str = "") -> str:
    """A chart as SVG that belongs into a page.

    Args:
        dots: oldest first, none left out; at least one.
        narrow: for a telephone; else a day says what it is when a pointer rests on it.
        unit: of the numbers, such as a currency; empty where they are counts.
    """
    import vl_convert  # heavy, and no other command needs it

    chart = specification(dots, narrow=narrow, unit=unit)
    return _for_a_page(vl_convert.vegalite_to_svg(chart, vl_version=VERSION), with_words=not narrow)


def specification(dots: Sequence[Dot], *, narrow: bool, unit: str = "") -> dict[str, Any]:
    """A chart as Vega-Lite has it; see `drawn`."""
    top = top_of(each.value for each in dots if each.value is not None)
    states = [state for state in SHAPES if any(each.state == state for each in dots)]
    days = [_datum(each, top) for each in dots]
    _number_the_highest(days)
    x = {
        "field": "date",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"format": "%-d %b", "grid": False, "labelOverlap": True, "tickCount": 5},
    }
    y = {
        "field": "height",
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"tickCount": 4, "format": "~s", **({**_TITLE, "title": unit} if unit else {})},
    }
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": [each for each in days if each["date"] != _running(dots)]},
            "mark": {
                "type": "line",
                "color": _LINE,
                "strokeWidth": 2,
                "invalid": _BROKEN,
                "strokeCap": "round",
            },
            "encoding": {"x": x, "y": y},
        },
    ]
    if dashes := [
        [_datum(a, top), _datum(b, top)] for a, b in pairwise(dots) if b.state == "running"
    ]:
        layers.append(
            {
                "data": {"values": dashes[-1]},
                "mark": {"type": "line", "color": _LINE, "strokeDash": [3, 4], "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            }
        )
    if states:
        layers.append(_marks(days, states, x, y, columns=2 if narrow else 6))
    if peaks := [each for each in days if each["peak"]]:
        layers.append(
            {
                "data": {"values": peaks},
                "mark": {"type": "text", "color": _INK, "dy": -13, "fontSize": 12},
                "encoding": {"x": x, "y": y, "text": {"field": "peak"}},
            }
        )
    if not narrow:
        layers.append(
            {
                "data": {"values": days},
                "mark": {"type": "rule", "stroke": "transparent", "strokeWidth": 8},
                "encoding": {
                    "x": x,
                    "y": {"datum": 0},
                    "y2": {"datum": top},
                    "description": {"field": "says"},
                },
            }
        )
    return {
        "width": NARROW if narrow else WIDE,
        "height": 150,
        "padding": {"left": 4, "right": 14, "top": 24, "bottom": 4},
        "config": dict(_CONFIG),
        "layer": layers,
    }


_TITLE: Final[Mapping[str, Any]] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "end",
    "titleX": 0,
    "titleY": -28,
    "titleColor": _MUTED,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}
"""Of an axis: above it."""

_BROKEN: Final = "break-paths-show-domains"
"""What Vega-Lite calls a line that has a gap where nothing is known."""


def _running(dots: Sequence[Dot]) -> str | None:
    return next((str(each.date) for each in dots if each.state == "running"), None)


def _number_the_highest(days: Sequence[dict[str, Any]]) -> None:
    """Of neighbouring peaks one has its number, since theirs would cover each other."""
    for _, run in groupby(days, key=lambda each: bool(each["peak"])):
        peaks = list(run)
        highest = max(peaks, key=lambda each: each["value"] or 0)
        for each in peaks:
            each["peak"] = each["peak"] if each is highest else ""


def _datum(dot: Dot, top: float) -> dict[str, Any]:
    is_peak = dot.value is not None and dot.value > top
    return {
        "date": str(dot.date),
        "state": dot.state,
        "value": dot.value,
        "height": min(dot.value, top) if dot.value is not None else None,
        "foot": min(dot.value, top) if dot.value is not None else 0,
        "peak": f"▲ {dot.value:,.0f}" if is_peak else "",
        "says": dot.says,
    }


def _marks(
    days: Sequence[Mapping[str, Any]],
    states: Sequence[str],
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    *,
    columns: int,
) -> dict[str, Any]:
    """Each day that is not final has a mark; without a number it stands on the ground."""
    legend = {"orient": "bottom", "direction": "horizontal", "columns": columns}
    colours = [f"var(--{state.replace(' ', '-')})" for state in states]
    return {
        "data": {"values": [each for each in days if each["state"] in states]},
        "mark": {"type": "point", "size": 55, "filled": False, "strokeWidth": 2, "opacity": 1},
        "encoding": {
            "x": x,
            "y": {**y, "field": "foot"},
            "shape": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": states, "range": [SHAPES[state] for state in states]},
                "legend": legend,
            },
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": states, "range": colours},
                "legend": legend,
            },
        },
    }


_KEPT: Final = frozenset(
    {
        *("d", "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"),
        *("x2", "y2", "x", "y", "text-anchor", "font-family", "font-size", "opacity", "viewBox"),
        *("width", "height", "display", "stroke-miterlimit", "stroke-linecap", "fill-opacity"),
    }
)


def _for_a_page(svg: str, *, with_words: bool) -> str:
    """As wide as its place, without what only Vega's own scripts need, and with words as titles,
    which browsers show without a script."""
    ET.register_namespace("", SVG)
    root = ET.fromstring(svg)
    for element in root.iter():
        words = element.get("aria-label") if with_words else None
        for name in element.attrib.keys() - _KEPT:
            del element.attrib[name]
        if words:
            title = ET.SubElement(element, f"{{{SVG}}}title")
            title.text = words
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true", "focusable": "false"}
    return ET.tostring(root, encoding="unicode")
