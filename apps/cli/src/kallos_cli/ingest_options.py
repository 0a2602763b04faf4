"""Options of ``kallos-run ingest``: how a file is read, and the grid that its bars lie on."""

from typing import Annotated, Literal

import typer

READING_PANEL = "Reading the file"
GRID_PANEL = "Times and holes"


def column_and_value(typed: list[str] | None) -> list[str] | None:
    """Refuse what is not COLUMN=VALUE."""
    for each in typed or ():
        column, equals, value = each.partition("=")
        if not (column.strip() and equals and value.strip()):
            raise typer.BadParameter(f"{each!r} is not COLUMN=VALUE: write it as symbol=BTC")
    return typed


TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        metavar="ZONE",
        rich_help_panel=READING_PANEL,
        help="Zone of times that name none, as Europe/Berlin; daily bars keep their local date. Default: UTC.",
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        "--date-format",
        metavar="FORMAT",
        rich_help_panel=READING_PANEL,
        help="How times are written, where the order of day and month is not certain, as %d/%m/%Y %H:%M.",
    ),
]
Decimal = Annotated[
    Literal[".", ","] | None,
    typer.Option(
        "--decimal",
        rich_help_panel=READING_PANEL,
        help="What separates decimals, where the values leave it open.",
    ),
]
Thousands = Annotated[
    Literal[".", ",", " ", "'"] | None,
    typer.Option(
        "--thousands",
        rich_help_panel=READING_PANEL,
        help="What separates thousands, where the values leave it open.",
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="COLUMN=VALUE",
        callback=column_and_value,
        rich_help_panel=READING_PANEL,
        help="Take only rows with this value in this column, as symbol=BTC; may be given several times.",
    ),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair",
        rich_help_panel=READING_PANEL,
        help="Widen high and low where they do not hold open and close, instead of refusing the file.",
    ),
]
Frequency = Annotated[
    str,
    typer.Option(
        "--frequency",
        metavar="STEP",
        rich_help_panel=GRID_PANEL,
        help="From one bar to the next: 15min, 1h, 4h, 1d, 1w, B for working days. auto finds it.",
    ),
]
Snap = Annotated[
    bool,
    typer.Option(
        "--snap",
        rich_help_panel=GRID_PANEL,
        help="Move times that are off the grid to it, where each move is under half a step and no two fall together.",
    ),
]
KeepUnfinished = Annotated[
    bool,
    typer.Option(
        "--keep-unfinished",
        rich_help_panel=GRID_PANEL,
        help="Keep a last bar that has not ended yet; its values will change.",
    ),
]
MaxGap = Annotated[
    int,
    typer.Option(
        "--max-gap",
        metavar="N",
        min=0,
        rich_help_panel=GRID_PANEL,
        help="Longest hole, in steps, over which indicators go on; after a longer one they begin anew.",
    ),
]
