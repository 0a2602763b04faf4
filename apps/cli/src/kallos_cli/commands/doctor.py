"""``kallos-run doctor``: whether machine and databases have what is needed, and whether the future leaks."""

from typing import TYPE_CHECKING, Annotated

import typer

from .. import completions, options, output
from ..databases import Databases
from ..errors import EXIT_OURS
from ..feature_groups import read_feature_groups
from ..user_error import UserError
from ..wording import count

if TYPE_CHECKING:
    from kallos_data import FeatureTables
    from kallos_tune import Leakage

    from ..doctor.check import Check

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run doctor\n\n"
    "kallos-run doctor --db-url postgresql://me@localhost/prices --optuna-schema studies --json\n\n"
    "kallos-run doctor --leakage BTC --target-col log_return"
)
_STYLES = {"ok": None, "warning": "yellow", "broken": "red"}


def doctor(
    *,
    leakage: Annotated[
        str | None,
        typer.Option(
            "--leakage",
            metavar="ASSET",
            callback=options.not_blank_if_given,
            autocompletion=completions.assets,
            help="Instead: change everything after a date in a copy of this asset's history, and show that no row, "
            "fold or forecast before it moves.",
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="DATE",
            callback=options.iso_date,
            help="With --leakage, the last step that stays as it is. Default: within the last validation window.",
        ),
    ] = None,
    target_col: Annotated[
        str,
        typer.Option(
            "--target-col",
            metavar="COLUMN",
            autocompletion=completions.columns,
            help="With --leakage, the column to forecast.",
        ),
    ] = "log_return",
    features: options.Features = None,
    market_table: options.MarketTable = options.DEFAULT_MARKET_TABLE,
    indicators_table: options.IndicatorsTable = options.DEFAULT_INDICATORS_TABLE,
    no_indicators: options.NoIndicators = False,
    id_column: options.IdColumn = options.DEFAULT_ID_COLUMN,
    timestamp_column: options.TimestampColumn = options.DEFAULT_TIMESTAMP_COLUMN,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    studies_url: options.StudiesUrl = None,
    optuna_schema: options.OptunaSchema = None,
    json: options.Json = False,
    _debug: options.Debug = False,
) -> None:
    """Check what Kallos needs of this machine and its databases, one line a check, each ok or with what to do.

    Exits with 1 where something is broken. Nothing is written. With --leakage it shows on your own table that what is
    known before a date does not depend on what comes after it; --date, --target-col and --features are for that alone.
    """
    from kallos_data import FeatureTables

    from .. import logs

    if date is not None and leakage is None:
        raise UserError("--date is for --leakage: name the asset with it")
    tables = FeatureTables(market_table, None if no_indicators else indicators_table, id_column, timestamp_column)
    logs.only_warnings()
    if leakage is not None:
        from kallos_tune import TuningSettings, check_leakage

        groups = read_feature_groups(features, target_col) if features else None
        settings = TuningSettings.of(tables=tables)
        if not json:
            output.say(
                "reading and cutting the history five times, training twice: from half a minute to a few minutes"
            )
        with logs.silent("kallos_data"), logs.silent("kallos_tune"):
            found = check_leakage(
                leakage,
                Databases.of(db_url).studies,
                target_col,
                groups,
                date=date,
                settings=settings,
                on_stage=_ignored if json else _say_stage,
            )
        _show_leakage(found, json=json)
        return
    if not json:
        output.say("checking this machine and its databases, which takes a few seconds…")
    checks = _checks(db_url, studies_url, optuna_schema, tables)
    n_broken = sum(check.state == "broken" for check in checks)
    if json:
        output.show_json({"checks": [check.to_dict() for check in checks], "broken": n_broken})
    else:
        _show(checks)
    if n_broken:
        raise typer.Exit(EXIT_OURS)


def _say_stage(words: str) -> None:
    output.say(f"{words}…")


def _ignored(_words: str) -> None:
    pass


def _checks(db_url: str, studies_url: str | None, optuna_schema: str | None, tables: "FeatureTables") -> "list[Check]":
    from kallos_data import ConfigError

    from .. import logs
    from ..doctor.check import broken
    from ..doctor.examination import examine, examine_machine
    from ..errors import option_of

    try:
        databases = Databases.of(db_url, studies_url)
    except ConfigError as error:
        problem = f"{option_of(error.parameter)} {error.problem}" if error.parameter else error.problem
        return [*examine_machine(), broken("database", problem)]
    logs.tame_optuna()
    with logs.silent("kallos_data"):
        return examine(databases, optuna_schema, tables)


def _show(checks: "list[Check]") -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        remedy = f": {check.remedy}" if check.remedy else ""
        output.show(f"{check.state:<7}  {check.name:<{width}}  {check.words}{remedy}", style=_STYLES[check.state])


def _show_leakage(found: "Leakage", *, json: bool) -> None:
    if json:
        from kallos_data import in_utc

        output.show_json(
            {
                "asset_id": found.asset_id,
                "target_col": found.target_col,
                "date": in_utc(found.date),
                "clean": found.clean,
                "recomputed": found.recomputed,
                "changed": found.n_changed,
                "rows": found.n_rows,
                "folds": found.n_folds,
                "forecasts": found.n_forecasts,
                "moved_after": found.n_moved_after,
                "max_difference": None if found.max_difference == float("inf") else found.max_difference,
                "moved": found.moved,
                "features": [{"column": each.column, "correlation": each.correlation} for each in found.readings],
                "suspects": [{"words": str(each), "certain": each.certain} for each in found.suspects],
            }
        )
    else:
        _say_leakage(found)
    if not found.clean:
        raise typer.Exit(EXIT_OURS)


def _say_leakage(found: "Leakage") -> None:
    day = f"{found.date:%Y-%m-%d %H:%MZ}"
    output.show(f"{found.asset_id}: {count(found.n_changed, 'row')} after {day} changed, in a copy")
    computed = "computed anew from the changed prices" if found.recomputed else "changed as they are stored"
    output.show(f"indicators: {computed}")
    output.show(
        f"compared: {count(found.n_rows, 'row')}, {count(found.n_folds, 'fold')} ({found.n_folds_until} of a study "
        f"that ends there, {found.n_folds - found.n_folds_until} of one that goes on), "
        f"{count(found.n_forecasts, 'forecast')} up to that date; largest difference {found.max_difference:g}"
    )
    output.show(f"later forecasts that did move: {found.n_moved_after}")
    if found.readings:
        output.show(
            f"columns that might know the future: {count(len(found.readings), 'feature')} looked at; closest to the "
            f"next target: {found.readings[0].in_short}"
        )
    for words in found.moved:
        output.show(f"broken   {words}", style="red")
    for suspect in found.suspects:
        state = "broken   " if suspect.certain else "warning  "
        output.show(f"{state}{suspect}: see how it is computed", style="red" if suspect.certain else "yellow")
    if found.clean:
        output.show("ok: nothing before the date depends on what comes after it")
