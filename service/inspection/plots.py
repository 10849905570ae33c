"""Plots as inline SVG: bars over time, a line of steps, and bars beside names. No script, nothing fetched.

Each bar says its own number when pointed at; what a plot shows also stands in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 28
_LABELS: Final = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a stacked plot: its name, its class in the style sheet, a value for each label."""

    name: str
    css: str
    values: Sequence[int]


def stacked(labels: Sequence[str], series: Sequence[Series], about: str) -> str:
    """A bar for each label, each series on top of the one before."""
    highest = max((sum(each.values[at] for each in series) for at in range(len(labels))), default=0)
    top = _ceiling(highest)
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    bar = min(step * 0.8, 48)
    parts = [_grid(top)]
    for at, label in enumerate(labels):
        x, under = _LEFT + step * at + (step - bar) / 2, 0
        for each in series:
            value = each.values[at]
            if value:
                y = _y(under + value, top)
                told = escape(f"{label}: {value} {each.name}")
                parts.append(
                    f'<rect class="{each.css}" x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}"'
                    f' height="{_y(under, top) - y:.1f}"><title>{told}</title></rect>'
                )
                under += value
    parts.append(_below(labels, step))
    return _svg(parts, about, HEIGHT) + _legend(series)


def steps(labels: Sequence[str], values: Sequence[int], about: str) -> str:
    """A line that holds each value until the next one, and the area below it."""
    top = _ceiling(max(values, default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    path, area = [], [f"M{_LEFT},{_y(0, top):.1f}"]
    for at, value in enumerate(values):
        begin, end, y = _LEFT + step * at, _LEFT + step * (at + 1), _y(value, top)
        path.append(f"{'M' if at == 0 else 'L'}{begin:.1f},{y:.1f} L{end:.1f},{y:.1f}")
        area.append(f"L{begin:.1f},{y:.1f} L{end:.1f},{y:.1f}")
    area.append(f"L{_LEFT + step * len(values):.1f},{_y(0, top):.1f} Z")
    parts = [
        _grid(top),
        f'<path class="area" d="{" ".join(area)}"/>',
        f'<path class="line" d="{" ".join(path)}"/>',
    ]
    for at, value in enumerate(values):
        told = escape(f"{labels[at]}: {value}")
        x = _LEFT + step * at
        parts.append(
            f'<rect class="seen" x="{x:.1f}" y="{_TOP}" width="{step:.1f}"'
            f' height="{HEIGHT - _TOP - _BOTTOM}"><title>{told}</title></rect>'
        )
    parts.append(_below(labels, step))
    return _svg(parts, about, HEIGHT)


def bar(value: int, highest: int) -> str:
    """One horizontal bar for a cell of a table."""
    width = 160 * value / highest if highest else 0
    return (
        '<svg class="cell" width="160" height="12" viewBox="0 0 160 12" aria-hidden="true">'
        f'<rect class="k0" x="0" y="1" width="{width:.1f}" height="10" rx="2"/></svg>'
    )


def _svg(parts: Sequence[str], about: str, height: int) -> str:
    body = "\n".join(parts)
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(about)}">\n'
        f"{body}\n</svg>\n"
    )


def _legend(series: Sequence[Series]) -> str:
    items = "".join(
        f'<li><svg width="12" height="12" aria-hidden="true"><rect class="{each.css}" width="12" height="12"'
        f' rx="2"/></svg> {escape(each.name)} <b>{sum(each.values)}</b></li>'
        for each in series
    )
    return f'<ul class="legend">{items}</ul>\n'


def _grid(top: int) -> str:
    lines = []
    for value in _ticks(top):
        y = _y(value, top)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    return "\n".join(lines)


def _below(labels: Sequence[str], step: float) -> str:
    every = max(1, -(-len(labels) // _LABELS))
    return "\n".join(
        f'<text class="tick" x="{_LEFT + step * (at + 0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{escape(labels[at])}</text>"
        for at in range(0, len(labels), every)
    )


def _y(value: float, top: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top


def _ceiling(highest: int) -> int:
    """A round number that the highest value stays below or reaches."""
    size = 1
    while True:
        for times in (1, 2, 4, 5, 8):
            if size * times >= max(1, highest):
                return size * times
        size *= 10


def _ticks(top: int) -> list[int]:
    parts = next(parts for parts in (4, 5, 2, 1) if top % parts == 0)
    return [top * part // parts for part in range(parts + 1)]
