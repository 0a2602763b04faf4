"""``kallos-run demo``: the whole way on a simulated market, in a minute or two."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import command_line, options, output
from ..databases import Databases
from ..output_path import make_folder, require_writable

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run demo\n\n"
    "kallos-run demo --folder try-it --trials 10\n\n"
    "kallos-run demo --json --quiet"
)


def demo(
    *,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Folder for the demo's files; created if missing.")
    ] = Path("kallos-demo"),
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="Number of finished trials to reach.")
    ] = 6,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            metavar="W",
            help="Processes that run trials side by side. With 1 the result is the same every time.",
        ),
    ] = 1,
    json: options.Json = False,
    quiet: options.Quiet = False,
    _debug: options.Debug = False,
) -> None:
    """Simulate a market, tune a small model on it, and show what it found.

    Everything is written to one folder: a SQLite database, the best parameters as JSON, a picture of the forecasts.
    Run again, it resumes the study where it stopped. Other files in the folder are not touched.
    """
    from .. import logs

    if quiet:
        logs.only_warnings()
    from . import demo_study

    best_params = folder / f"{demo_study.STUDY}_best_params.json"
    picture = folder / f"{demo_study.STUDY}_forecasts.png"
    database = folder / "demo.db"
    _make_folder(folder, best_params, picture)
    known = database.exists()
    if not quiet:
        output.say(f"using {database}, which exists already" if known else f"creating {database}")
    from kallos_data import DatabaseConfig
    from kallos_tune import stored_verdict, study_result, write_best_params

    from .. import results
    from ..run_study import run

    config = DatabaseConfig.of(f"sqlite:///{database}")
    n_days, end_date = demo_study.ingest_market(config)
    if not quiet:
        output.say(f"simulated {n_days} days of a market, up to {end_date}, as asset {demo_study.ASSET}")
    request = demo_study.request_for(config, end_date, trials, workers)
    logs.tame_optuna()
    study, n_run = run(request, quiet=quiet, again=command_line.to_resume(Databases(config)))
    result = study_result(study)
    write_best_params(study, best_params)
    if not quiet:
        output.say("training once more with the best parameters, to draw the forecasts…")
    same = demo_study.draw_forecasts(request, result, picture)
    files = [str(path) for path in (database, best_params, picture)]
    if json:
        facts = {"n_run": n_run, "files": files, "same_scores_again": same, "planted_signal": demo_study.SIGNAL}
        output.show_json(result.to_dict() | facts)
        return
    results.show_trials(study)
    results.show_best(result)
    output.show(f"written to {', '.join(files)}")
    output.show()
    results.show_verdict(study)
    demo_study.show_truth(stored_verdict(study.user_attrs), same=same)
    if not quiet:
        _say_next(config, demo_study.STUDY)


def _make_folder(folder: Path, *files: Path) -> None:
    make_folder(folder, option="--folder")
    for file in files:
        require_writable(file, option="--folder")


def _say_next(config: "DatabaseConfig", study_name: str) -> None:
    tune = ["tune", "--asset-id", "BTC", "--end-date", "2023-01-01", "--study-name", "gru_btc"]
    output.say_commands(
        "Next, look at the study, or put prices of your own into a database and tune on them:",
        command_line.with_storage(["study", "report", study_name], Databases(config)),
        command_line.of_program("ingest", "prices.csv", "--asset-id", "BTC"),
        command_line.of_program(*tune),
    )
