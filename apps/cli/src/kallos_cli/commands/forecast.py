"""``kallos-run forecast``: what comes next, from the newest rows."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kallos_tune import DEFAULT_MAX_AGE

from .. import command_line, options, output, results
from ..databases import Databases
from ..progress import LOADING
from ..setting_options import WAIT_SECONDS, DatabaseWait
from ..user_error import UserError
from ..wording import count

if TYPE_CHECKING:
    from kallos_tune import Forecast, ForecasterCard, NewestSteps

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run forecast --model gru_btc_model\n\n"
    "kallos-run forecast --model gru_btc_model --csv --quiet > tomorrow.csv\n\n"
    "kallos-run forecast --model gru_btc_model --table forecasts --db-url postgresql://me@localhost/prices"
)


def forecast(
    *,
    model: options.ModelFolder,
    horizon: Annotated[
        int,
        typer.Option(
            "--horizon",
            min=1,
            metavar="N",
            help="Steps to forecast. Those after the first feed on the forecasts before them, which "
            "nothing has judged.",
        ),
    ] = 1,
    hold_features: Annotated[
        bool,
        typer.Option(
            "--hold-features",
            help="With --horizon, take features to stay as they are; else later steps are refused.",
        ),
    ] = False,
    max_age: Annotated[
        float,
        typer.Option(
            "--max-age",
            min=0,
            metavar="STEPS",
            help="Refuse to forecast where the newest bar ended more than this many steps ago.",
        ),
    ] = DEFAULT_MAX_AGE,
    asset_id: options.OtherAsset = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            metavar="TABLE",
            rich_help_panel=options.OUTPUT_PANEL,
            help="Write it into this table of the database too, made where missing; the same again changes nothing. "
            "On PostgreSQL also SCHEMA.TABLE.",
        ),
    ] = None,
    csv: Annotated[
        bool,
        typer.Option("--csv", rich_help_panel=options.OUTPUT_PANEL, help="Print the forecast as CSV on stdout."),
    ] = False,
    db_url: options.DbUrl = options.DEFAULT_DB_URL,
    database_wait: DatabaseWait = WAIT_SECONDS,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Forecast the step after the newest row.

    Says how old that row is and refuses one that is too old. Of returns, the implied price is shown, too. Start it
    after each new bar, by cron or a systemd timer: exit code 0 is a forecast.
    """
    from kallos_tune import forecaster_folders, load_card, newest_steps

    from .. import logs

    if json and csv:
        raise UserError("prints --json or --csv, not both: leave one out")
    if quiet:
        logs.only_warnings()
    config = Databases.of(db_url).studies
    # Of models that were trained one after the other, the newest.
    folder = forecaster_folders(model)[-1]
    made_at = datetime.now(UTC)
    asked: dict[str, Any] = {"horizon": horizon, "max_age": max_age, "hold_features": hold_features}
    asked |= {"asset_id": asset_id, "now": made_at}
    newest = newest_steps(load_card(folder), config, **asked)
    if not quiet:
        _say_newest(newest)
        output.say(LOADING)
    from kallos_tune import forecast_next, load_trained

    logs.tame_optuna()
    found = forecast_next(load_trained(folder), config, newest=newest, **asked)
    if not quiet:
        _say_later_steps(found)
    written = None
    if table is not None:
        from kallos_data import store_forecasts

        rows = found.rows(model.resolve().name, made_at)
        written = store_forecasts(rows, config, table=table, wait_seconds=database_wait)
    _show(found, newest.card, model.resolve().name, made_at, json=json, csv=csv)
    results.say_verdict(newest.card)
    if quiet:
        return
    if written is not None:
        output.say(f"{count(written, 'row')} written to table {table}")
    output.say_commands(
        "To judge the model on the steps after its training (each look at them is counted):",
        *command_line.needed_first(Databases(config)),
        command_line.with_storage(["evaluate", "--model", str(model)], Databases(config)),
    )


def _say_newest(newest: "NewestSteps") -> None:
    from kallos_tune import bar_in_words

    asset, asset_of_model = newest.asset_id, newest.card.asset_id
    if asset != asset_of_model:
        output.say(f"the model was trained on {asset_of_model}, and forecasts {asset} on the scale of {asset_of_model}")
    output.say(f"newest row of {asset}: {bar_in_words(newest.known_until, newest.age)}")


def _say_later_steps(found: "Forecast") -> None:
    if len(found.steps) > 1:
        held = f", and {', '.join(found.held)} are taken to stay as they are" if found.held else ""
        output.say(
            f"steps 2 to {len(found.steps)} feed on the forecasts before them{held}: nothing has judged such forecasts"
        )


def _show(
    found: "Forecast", card: "ForecasterCard", model_name: str, made_at: datetime, *, json: bool, csv: bool
) -> None:
    if json:
        from kallos_data import in_utc

        facts: dict[str, Any] = {"model": model_name, "made_at": in_utc(made_at)} | found.to_dict()
        output.show_json(facts | {"verdict_line": card.verdict_line})
        return
    if csv:
        text = found.rows(model_name, made_at).write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ")
        output.show(text.rstrip("\n"))
        return
    header = ["for (UTC)", found.target_col, "spread", "price"]
    rows = [[f"{step.time:%Y-%m-%d %H:%MZ}", step.forecast, step.spread, _price(step.price)] for step in found.steps]
    if any(step.quantiles for step in found.steps):
        header.insert(2, "5 to 95 %")
        for row, step in zip(rows, found.steps, strict=True):
            row.insert(2, _range(step.quantiles))
    output.show(f"{found.target_col} of {found.asset_id}, by {found.what}")
    output.show_table(header, rows)


def _range(quantiles: "tuple[float, ...] | None") -> str | None:
    return None if quantiles is None else f"{quantiles[0]:.4g} to {quantiles[-1]:.4g}"


def _price(price: float | None) -> str | None:
    # As many digits as a price is read with, whatever its size.
    return None if price is None else f"{price:.7g}"
