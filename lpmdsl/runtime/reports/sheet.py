"""Draw a figure by matplotlib, for readers who want to change it or to save it as a file (``Results.plot``).

Pages draw their own figures (``reports.svg``) and need nothing of this, so that matplotlib may be missing.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any, assert_never, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plain

from lpmdsl.escaping import html, plain
from lpmdsl.runtime.reports.drawing import Band, Bar, Dots, Figure, Item, Line, Panel, Shade, Upright
from lpmdsl.runtime.reports.svg import INK, MOST_COLUMNS, RULE, SOFT, WIDE

PIXELS = 96  # of CSS in an inch
LOOK: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "lpmdsl", "text.parse_math": False, "axes.unicode_minus": True,
    "font.family": ["DejaVu Sans", "sans-serif"], "font.size": 9.0, "axes.titlesize": 9.5, "axes.labelsize": 9.0,
    "legend.fontsize": 9.0, "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": RULE, "axes.labelcolor": SOFT, "text.color": INK, "xtick.color": SOFT, "ytick.color": SOFT,
    "axes.grid": True, "grid.color": RULE, "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.titlelocation": "left",
    "path.simplify": True, "figure.facecolor": "none", "axes.facecolor": "none", "date.converter": "concise",
}  # fmt: skip


class Sheet(Plain):
    """A figure of matplotlib that shows itself in a notebook, with whatever was changed in it."""

    about = "a figure"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"facecolor": "white", **options})

    def _repr_html_(self) -> str:
        """One image that holds its SVG: an image runs no script and can style nothing outside itself."""
        written = io.StringIO()
        with mpl.rc_context(cast(Any, LOOK)):
            self.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = written.getvalue()
        size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
        assert size is not None
        width, height = (round(float(side) * PIXELS / 72) for side in size.groups())
        data = base64.b64encode(text.encode()).decode("ascii")
        return (
            f'<img class="figure" width="{width}" height="{height}" alt="{html(self.about)}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )


def drawn(figure: Figure) -> Sheet:
    """The figure drawn by matplotlib."""
    with mpl.rc_context(cast(Any, LOOK)):
        columns = min(MOST_COLUMNS, len(figure.panels))
        rows = -(-len(figure.panels) // columns)
        width = WIDE / PIXELS
        each = 3.0 if columns == 1 else 2.2
        sheet = Sheet(figsize=(width, each * rows + 0.3), layout="constrained")
        axes = sheet.subplots(rows, columns, sharex=figure.shared, sharey=figure.shared, squeeze=False)
        places = list(axes.flat)
        for place, panel in zip(places, figure.panels, strict=False):
            _panel(place, panel)
        for place, panel in zip(places, figure.panels, strict=False):
            if panel.from_zero:
                place.set_ylim(bottom=0)  # once all is drawn: a limit ends the search for the height
        for place in places[len(figure.panels) :]:
            place.set_axis_off()
        _outer_labels(figure, places, columns)
        if figure.has_legend:
            _legend(sheet, places)
    return sheet


def _panel(axes: Axes, panel: Panel) -> None:
    for item in panel.items:
        _draw(axes, item)
    bars = [item for item in panel.items if isinstance(item, Bar)]
    if bars:
        axes.set_yticks(range(len(bars)), [plain(bar.name) for bar in reversed(bars)])
        axes.axvline(0, color=SOFT, linewidth=0.8)
        for place, bar in enumerate(reversed(bars)):
            axes.barh(place, bar.value, xerr=bar.reach, color=bar.colour, ecolor=INK, height=0.6)
    axes.set_title(plain(panel.title), color=INK)
    axes.set_xlabel(plain(panel.x_label))
    axes.set_ylabel(plain(panel.y_label))
    if not panel.has_ticks:
        axes.set_yticks([])
    elif not bars:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def _draw(axes: Any, item: Item) -> None:  # matplotlib takes dates too, which its types do not say
    match item:
        case Line():
            styles = {"solid": "-", "dashed": "--", "dotted": ":", "steps": "-"}
            drawn = "steps-mid" if item.style == "steps" else "default"
            axes.plot(
                item.x, item.y, styles[item.style], color=item.colour, linewidth=item.width, drawstyle=drawn,
                label=plain(item.name) or None, marker="o" if item.dotted else "", markersize=2.5,
            )  # fmt: skip
        case Band():
            axes.fill_between(item.x, item.low, item.high, color=item.colour, alpha=item.alpha, linewidth=0)
        case Dots():
            face = "none" if item.is_open else item.colour
            axes.plot(
                item.x, item.y, "D" if item.is_open else "o", markersize=item.size, alpha=item.alpha,
                markerfacecolor=face, markeredgecolor=item.colour, label=plain(item.name) or None,
            )  # fmt: skip
        case Upright():
            axes.axvline(item.x, color=item.colour, linestyle=":", linewidth=1)
        case Shade():
            axes.axvspan(item.start, item.end, color=item.colour, alpha=0.08, linewidth=0)
        case Bar():
            pass  # all bars of a panel are drawn together, so that the first stands on top
        case _:
            assert_never(item)


def _outer_labels(figure: Figure, places: list[Axes], columns: int) -> None:
    """Label the outer axes only, where axes are shared; the last of each column has numbers under it."""
    if not figure.shared or len(figure.panels) == 1:
        return
    last = len(figure.panels)
    for k, place in enumerate(places[:last]):
        if k % columns:
            place.set_ylabel("")
        is_lowest = k + columns >= last
        place.tick_params(labelbottom=is_lowest)
        if not is_lowest:
            place.set_xlabel("")


def _legend(sheet: Sheet, places: list[Axes]) -> None:
    """One legend above all panels; a name that stands in several panels is shown once."""
    found: dict[str, Any] = {}
    for place in places:
        for handle, name in zip(*place.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    if len(found) > 1:
        sheet.legend(list(found.values()), list(found), loc="outside upper left", ncols=min(6, len(found)))
