"""What an ingest did; light, for whoever only shows it."""

from dataclasses import dataclass
from datetime import datetime

from ..steps import Step


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    asset_id : str or int
        The asset.
    rows_read : int
        Rows taken from the file or frame; the sum of the next three.
    rows_inserted, rows_updated, rows_unchanged : int
        New in the market table, different there, and there already.
    first, last : datetime
        Times of the first and the last row taken, UTC.
    last_finished : datetime
        Begin of the last of them that has ended.
    step : Step or None
        From one bar of the asset to the next; None where a single one tells nothing of it.
    history_rows : int
        Rows of the asset in the market table now.
    indicator_rows : int
        Rows inserted or updated in the table of indicators.
    n_indicators : int
        Indicators that were computed.
    indicators_from : datetime or None
        Time of the first row that has a value of each of them; None where there is none.
    left_out_unfinished, moved : int
        Rows left out since their bar has not ended, and rows moved to the grid.
    """

    asset_id: str | int
    rows_read: int
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    first: datetime
    last: datetime
    last_finished: datetime
    step: Step | None
    history_rows: int
    indicator_rows: int
    left_out_unfinished: int = 0
    moved: int = 0
    n_indicators: int = 0
    indicators_from: datetime | None = None
