"""What the lab's pages are made of: one self-contained HTML document, inline SVG, nothing fetched
from anywhere."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

WIDE, HIGH, EDGE = 420, 260, 36
STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d2733;background:#fff;max-width:1000px;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:13px;margin:.8rem 0}
th,td{padding:.3rem .5rem;text-align:right;border-bottom:1px solid #e3e8ee}
th:first-child,td:first-child{text-align:left}
figure{display:inline-block;margin:.5rem 1rem .5rem 0;vertical-align:top}
figcaption{font-size:13px;color:#52606d}
svg text{font:11px system-ui,sans-serif;fill:#52606d}.no{color:#b42318}.yes{color:#1a7f37}
.terms figure{margin:.3rem .6rem .3rem 0;width:220px;overflow-wrap:anywhere;min-height:200px}
"""


def document(title: str, parts: Sequence[str]) -> str:
    """The page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


class Axes:
    """Data to pixels; y grows upwards. ends: what stands at both ends of x in place of its
    numbers."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        wide: int = WIDE,
        high: int = HIGH,
        ends: tuple[str, str] | None = None,
    ) -> None:
        self.x0, self.x1 = x if x[1] > x[0] else (x[0] - 1, x[0] + 1)
        self.y0, self.y1 = y if y[1] > y[0] else (y[0] - 1, y[0] + 1)
        self.wide, self.high = wide, high
        self.ends = ends or (f"{self.x0:.3g}", f"{self.x1:.3g}")

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = EDGE + (x - self.x0) / (self.x1 - self.x0) * (self.wide - EDGE - 10)
        up = (y - self.y0) / (self.y1 - self.y0) * (self.high - EDGE - 10)
        return round(across, 1), round(self.high - EDGE - up, 1)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str = "#2563eb", dashed: bool = False
    ) -> str:
        path = " ".join(f"{x},{y}" for x, y in (self.at(*p) for p in points))
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'

    def bars(self, edges: Sequence[float], heights: Sequence[float]) -> str:
        drawn = []
        for left, right, height in zip(edges, edges[1:], heights, strict=False):
            (x0, top), (x1, bottom) = self.at(left, height), self.at(right, 0)
            drawn.append(
                f'<rect x="{x0}" y="{top}" width="{max(0.5, x1 - x0 - 1):.1f}"'
                f' height="{max(0.0, bottom - top):.1f}" fill="#93b4f5"/>'
            )
        return "".join(drawn)

    def frame(self, labels: str = "") -> str:
        (x0, y0), (x1, y1) = self.at(self.x0, self.y0), self.at(self.x1, self.y1)
        return (
            f'<path d="M{x0} {y1}V{y0}H{x1}" fill="none" stroke="#9aa5b1"/>'
            f'<text x="{x0}" y="{y0 + 14}">{escape(self.ends[0])}</text>'
            f'<text x="{x1}" y="{y0 + 14}" text-anchor="end">{escape(self.ends[1])}</text>'
            f'<text x="{x0 - 4}" y="{y0}" text-anchor="end">{self.y0:.2g}</text>'
            f'<text x="{x0 - 4}" y="{y1 + 8}" text-anchor="end">{self.y1:.2g}</text>'
            f'<text x="{(x0 + x1) / 2}" y="{y0 + 28}" text-anchor="middle">{escape(labels)}</text>'
        )


def figure(axes: Axes, drawn: str, caption: str, labels: str = "") -> str:
    """What is drawn, in its frame, with what it shows."""
    svg = (
        f'<svg width="{axes.wide}" height="{axes.high}" viewBox="0 0 {axes.wide} {axes.high}"'
        f' role="img" aria-label="{escape(caption)}">{axes.frame(labels)}{drawn}</svg>'
    )
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def percent(value: float | None) -> str:
    """A share as people read it."""
    return "–" if value is None else f"{value:.1%}"


def number(value: Any) -> str:
    """Three digits, or that there is none."""
    return "–" if value is None or value != value else f"{value:.3f}"
