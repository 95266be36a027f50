"""The server's memory over time, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .figures import Sample

WIDTH: Final = 800
HEIGHT: Final = 300
MARGIN: Final = 60
LINES: Final = 4


def memory_graph(samples: Sequence[Sample]) -> str:
    """An SVG of resident memory in MiB; its axis begins at zero, so that growth looks as large as it is."""
    points = [(sample.seconds, sample.rss_kib / 1024) for sample in samples if sample.rss_kib is not None]
    last = max((seconds for seconds, _ in points), default=0.0) or 1.0
    most = max((mib for _, mib in points), default=0.0) * 1.1 or 1.0
    right, bottom = WIDTH - MARGIN, HEIGHT - MARGIN
    across, up = (right - MARGIN) / last, (bottom - MARGIN) / most
    line = " ".join(f"{MARGIN + at * across:.1f},{bottom - mib * up:.1f}" for at, mib in points)
    grid: list[str] = []
    for step in range(LINES + 1):
        mib, seconds = most * step / LINES, last * step / LINES
        x, y = MARGIN + seconds * across, bottom - mib * up
        grid += [
            f'<line x1="{MARGIN}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{mib:.0f}</text>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{seconds:.0f} s</text>',
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="{MARGIN}" y="{MARGIN - 20}">Resident memory of the server, MiB</text>\n'
        + "\n".join(grid)
        + f'\n<polyline points="{line}" fill="none" stroke="#06c" stroke-width="1.5"/>\n</svg>\n'
    )
