"""What the demo tunes and draws: a small study of a simulated market."""

from pathlib import Path
from typing import TYPE_CHECKING

from .. import output

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig
    from kallos_tune import StudyResult, TuningSettings, Verdict

    from ..run_study import Request

ASSET = "DEMO"
STUDY = "demo_gru"
SIGNAL = 0.5
_TARGET = "log_return"
_MODEL = "gru"
_STEPS = 800
_SEED = 1


def ingest_market(config: "DatabaseConfig") -> tuple[int, str]:
    """Put the simulated market into the database; return its number of days and the last of them."""
    from kallos_data import ingest_frame, simulate_market

    market = simulate_market(_STEPS, signal=SIGNAL, seed=_SEED)
    report = ingest_frame(market, ASSET, config)
    return len(market), report.last.date().isoformat()


def request_for(config: "DatabaseConfig", end_date: str, trials: int, workers: int) -> "Request":
    """Return what the demo runs, its history loaded."""
    from kallos_tune import load_study_data

    from ..run_study import Request

    data = load_study_data(ASSET, end_date, config, _TARGET, settings=_settings(workers))
    return Request(data, config, None, _MODEL, STUDY, trials)


def draw_forecasts(request: "Request", result: "StudyResult", path: Path) -> bool:
    """Train the best parameters again on every fold, draw the forecasts, and return whether the scores are the same."""
    import torch

    from kallos_tune import evaluate_fold, plot_forecasts

    data = request.data
    torch.set_num_threads(data.settings.run.threads)
    results = [
        evaluate_fold(fold, request.model_name, result.best_params, settings=data.settings) for fold in data.folds
    ]
    title = f"{ASSET}, a simulated market: {request.model_name} forecasts {data.target_col} one day ahead"
    plot_forecasts(data.folds, results, title=title).savefig(path, dpi=120)
    return [fold.score for fold in results] == result.fold_scores


def show_truth(verdict: "Verdict | None", *, same: bool) -> None:
    """Print what the simulator planted, how much of it was found, and whether training again gave the same."""
    attainable = 1 - (1 - SIGNAL) ** 0.5
    output.show(
        f"in the simulated market, {SIGNAL:.0%} of tomorrow's variance follows from today: "
        f"the best possible forecast is {attainable:.1%} better than the mean"
    )
    if verdict is not None and verdict.skill is not None:
        output.show(f"out of sample the study found {verdict.skill / attainable:.0%} of that")
    if same:
        output.show("trained again for the picture, the best parameters gave exactly the same scores")
    else:
        output.show("trained again for the picture, the best parameters gave other scores: please report this")


def _settings(workers: int) -> "TuningSettings":
    """Return settings and a search space that a small machine gets through in about a minute."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    from kallos_tune import TuningSettings

    space = {
        "hidden_dim": IntDistribution(16, 48, log=True),
        "n_rnn_layers": IntDistribution(1, 2),
        "dropout": FloatDistribution(0.0, 0.3),
        "batch_size": CategoricalDistribution([32, 64]),
        "input_chunk_length": IntDistribution(10, 30),
        "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
    }
    return TuningSettings.of(target_folds=3, max_epochs=15, patience=4, space=space, workers=workers)
