"""A study, the forecaster that it found, what that is worth on later days, and its next forecast."""

from pathlib import Path
from tempfile import TemporaryDirectory

from kallos_data import ingest_frame, simulate_market
from kallos_tune import (
    Recipe,
    TuningSettings,
    evaluate_forecaster,
    forecast_next,
    load_study_data,
    stored_verdict,
    train_forecaster,
    tune_on,
    verdict_lines,
)

END = "2019-12-31"


def main() -> None:
    """Print the verdict of the study, that of the later days, and the next step."""
    with TemporaryDirectory() as folder:
        database = {"url": f"sqlite:///{folder}/kallos.db"}
        ingest_frame(simulate_market(420, seed=1), "SIM", database)
        # Small, so that it is quick; without these values they are what `kallos-run tune` has.
        settings = TuningSettings.of(target_folds=2, max_epochs=2, pruner="none")
        data = load_study_data("SIM", END, database, "log_return", settings=settings)
        study = tune_on(data, "gru", "sim_gru", 2, database)
        verdict = stored_verdict(study.user_attrs)
        assert verdict is not None
        print(*verdict_lines(verdict), sep="\n")

        forecaster = train_forecaster(Recipe.of_study(study), Path(folder) / "model", database)
        print(*evaluate_forecaster(forecaster, database).lines(), sep="\n")
        print(forecast_next(forecaster, database, max_age=10_000).steps)


if __name__ == "__main__":
    main()
