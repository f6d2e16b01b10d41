"""The layer table as text, for a terminal."""

from collections.abc import Sequence

from service.engine.graph.summary import Layer, Port, Summary
from service.engine.graph.windows import Shape

_WIDTH = 100
_GAP = "  "
_HEADER = (
    "layer",
    "type",
    "filter",
    "stride",
    "padding",
    "output",
    "parameters",
    "multiply-adds",
)
_NUMBERS = (6, 7)  # columns aligned at the right
_NARROWEST = {0: 5, 1: 4}  # columns that may be cut, in this order, and to what


def table(summary: Summary) -> str:
    """Return the summary as aligned columns, at most 100 wide, with its inputs and totals.

    Outputs are height x width x channels. A padding is one number, vertical x horizontal, or,
    where opposite sides differ, top,left,bottom,right. "?" is a number that is not known.
    """
    totals = ("total", *[""] * 5, _number(summary.parameters), _number(summary.multiply_adds))
    rows = [_HEADER, *map(_cells, summary.layers), totals]
    widths = _widths(rows)
    heading, *body, ending = [_line(row, widths) for row in rows]
    rule = "-" * max(map(len, (heading, *body, ending)))
    lines = [
        *(_port("input", port) for port in summary.inputs),
        *(_port("output", port) for port in summary.outputs),
        "",
        heading,
        rule,
        *body,
        rule,
        ending,
    ]
    if summary.statistics != 0:
        lines.append(f"and {_number(summary.statistics)} running means and variances")
    return "\n".join(lines)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns' widths, names and types cut short where the page is too narrow."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for column, narrowest in _NARROWEST.items():
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - _WIDTH
        widths[column] -= min(max(excess, 0), widths[column] - narrowest)
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [
        _cut(cell, width).rjust(width) if column in _NUMBERS else _cut(cell, width).ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return _GAP.join(aligned).rstrip()


def _cut(text: str, width: int) -> str:
    """Keep the end of a text that is too long: exporters name a node from the outside in."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def _cells(layer: Layer) -> tuple[str, ...]:
    filter = _sizes(layer.filter)
    if layer.dilation and set(layer.dilation) != {1}:
        filter += f" d{_step(layer.dilation)}"
    return (
        layer.name,
        layer.type,
        filter,
        _step(layer.stride),
        _padding(layer.padding),
        "?" if layer.output is None else _sizes(layer.output),
        _number(layer.parameters),
        _number(layer.multiply_adds),
    )


def _number(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _sizes(sizes: Shape | None) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes or ())


def _step(steps: tuple[int, ...] | None) -> str:
    return _sizes(steps[:1] if steps and len(set(steps)) == 1 else steps)


def _padding(padding: Shape | None) -> str:
    if not padding:
        return ""
    if None in padding:
        return "?"
    half = len(padding) // 2
    if padding[:half] != padding[half:]:
        return ",".join(map(str, padding))
    return _sizes(padding[:1] if len(set(padding)) == 1 else padding[:half])


def _port(kind: str, port: Port) -> str:
    sizes = "?" if port.shape is None else _sizes(port.shape)
    return _cut(f"{kind} {port.name}  {port.dtype}  {sizes}", _WIDTH)
