"""What there is to say of an asset, for people and for programs."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import output

if TYPE_CHECKING:
    from kallos_data import AssetDetails, AssetSummary

_MOST_SHOWN = 20


def facts(asset: "AssetSummary") -> dict[str, Any]:
    """Return a summary in JSON's own types."""
    step = None if asset.step is None else str(asset.step)
    return {name: _plain(getattr(asset, name)) for name in asset.__dataclass_fields__} | {"step": step}


def all_facts(details: "AssetDetails") -> dict[str, Any]:
    """Return the details in JSON's own types."""
    return facts(details.summary) | {
        "hole_list": [{name: _plain(value) for name, value in asdict(hole).items()} for hole in details.holes],
        "jumps": [{name: _plain(value) for name, value in asdict(jump).items()} for jump in details.jumps],
        "columns": details.columns,
        "left_out": details.left_out,
    }


def cells(asset: "AssetSummary") -> list[object]:
    """Return a summary as a row of the list."""
    counts = (asset.holes, asset.missing, asset.filled, asset.outliers)
    span = (_day(asset.first), _day(asset.last))
    return [asset.asset_id, asset.step, asset.rows, *span, *counts, _with_indicators(asset)]


def _with_indicators(asset: "AssetSummary") -> str:
    if asset.indicator_rows in {0, asset.rows}:
        return "yes" if asset.indicator_rows else "no"
    return f"{asset.indicator_rows} rows"


def _holes(asset: "AssetSummary", max_gap: int) -> str:
    if not asset.holes:
        return "none"
    return f"{asset.holes} of {asset.missing} steps, of which {asset.filled} are filled (holes up to {max_gap})"


def show_details(details: "AssetDetails", max_gap: int) -> None:
    """Print the details, of many holes the longest."""
    asset = details.summary
    lines = {
        "asset": asset.asset_id,
        "step": asset.step,
        "rows": f"{asset.rows}, {_day(asset.first)} to {_day(asset.last)}",
        "holes": _holes(asset, max_gap),
        "outliers": asset.outliers,
        "indicators": _with_indicators(asset),
    }
    odd = {"off the grid": asset.off_grid, "times twice": asset.doubled}
    output.show_facts(lines | {name: f"{count} rows" for name, count in odd.items() if count})
    longest = sorted(details.holes, key=lambda hole: -hole.steps)[:_MOST_SHOWN]
    holes = [(_day(hole.first), _day(hole.last), hole.steps) for hole in sorted(longest, key=lambda hole: hole.first)]
    if holes:
        title = "Holes" if len(holes) == len(details.holes) else f"The longest {len(holes)} of {asset.holes} holes"
        output.show_table(["from", "to", "steps"], holes, title=title)
    for jump in details.jumps[:_MOST_SHOWN]:
        output.show(str(jump))
    if len(details.jumps) > _MOST_SHOWN:
        output.show(f"and {len(details.jumps) - _MOST_SHOWN} jumps more, with --json")
    for table, columns in details.columns.items():
        rows: list[tuple[object, ...]] = list(columns.items())
        rows += [(name, kind) for name, kind in details.left_out[table].items()]
        output.show(f"Columns of {table}")
        output.show_table(["column", "rows without a value"], rows)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}" if time.time() == time.time().min else f"{time:%Y-%m-%d %H:%MZ}"


def _plain(value: object) -> object:
    from kallos_data import in_utc

    return in_utc(value) if isinstance(value, datetime) else value
