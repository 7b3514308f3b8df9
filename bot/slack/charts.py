"""Charts as PNG pictures."""

import asyncio
from datetime import UTC
from io import BytesIO

from bot.domain.documents import Attachment, Chart

SIZE_INCHES = (8.0, 3.6)
DOTS_PER_INCH = 120
# Told apart by people who see no red or green, too. Source: Okabe and Ito.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
GOAL_COLOUR = "#b3261e"


async def drawn(chart: Chart) -> Attachment:
    """The chart as a file; drawing takes a moment, and not of the event loop's time."""
    return Attachment(f"{chart.name}.png", await asyncio.to_thread(_png, chart), chart.title)


def _png(chart: Chart) -> bytes:
    """A figure of its own: pyplot keeps every figure in a state that threads would share."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - half a second, for who draws alone
    from matplotlib.dates import date2num  # noqa: PLC0415 - as above
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=chart.title, ylabel=chart.unit)
    axes.xaxis_date(UTC)
    for number, line in enumerate(chart.lines):
        moments, values = [date2num(at) for at, _ in line.points], [value for _, value in line.points]
        axes.plot(moments, values, marker="o", markersize=3, label=line.label, color=COLOURS[number % len(COLOURS)])
    if chart.goal is not None:
        axes.axhline(chart.goal, color=GOAL_COLOUR, linestyle="--", linewidth=1, label="objective")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.05)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    moments = [date2num(at) for line in chart.lines for at, _ in line.points]
    if len(set(moments)) == 1:
        # An axis of no length would be stretched over years.
        axes.set_xlim(moments[0] - 1, moments[0] + 1)
    figure.autofmt_xdate()
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
