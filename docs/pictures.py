"""Makes the README's pictures from a seeded study of a simulated market: ``./run python docs/pictures.py``.

The study is run by one worker, so that it is the same every time, and its events are played to the live view as two
workers would have told them, with a clock of their own. The report is looked at with Chromium, whose command is
``chromium`` or what KALLOS_CHROMIUM says.
"""

import io
import os
import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from rich.console import Console

from kallos_cli.live_display import LiveWatch
from kallos_data import DatabaseConfig, ingest_frame, simulate_market
from kallos_tune import (
    EpochFinished,
    Event,
    StudyOpened,
    TrialFinished,
    TrialStarted,
    TuningSettings,
    load_study,
    reload_study_data,
    run_tuning,
    write_report,
)

PICTURES: Final = Path(__file__).parent / "pictures"
WIDTH: Final = 88
_SCREEN: Final = "1000,720"
_STUDY: Final = "gru_btc"
_SEED: Final = 1
_TRIALS: Final = 10
_WORKERS: Final = 2
_MAX_EPOCHS: Final = 30
_SECONDS_AN_EPOCH: Final = 0.6
# Where the picture is taken: at this share of the study's epochs, when several trials are finished and two run.
_EPOCHS_SHOWN: Final = 0.8
_SPACE: Final = {
    "hidden_dim": IntDistribution(8, 24, log=True),
    "n_rnn_layers": IntDistribution(1, 2),
    "dropout": FloatDistribution(0.0, 0.3),
    "batch_size": CategoricalDistribution([32, 64]),
    "input_chunk_length": IntDistribution(10, 20),
    "learning_rate": FloatDistribution(5e-4, 5e-3, log=True),
}


def main() -> None:
    """Make every picture."""
    # What is drawn depends on the locale.
    os.environ["LC_ALL"] = "C.UTF-8"
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        told = study_in(Path(folder))
        (PICTURES / "live.svg").write_text(live_view(told), encoding="utf-8")
        first_screen_of_report(Path(folder), PICTURES / "report.png")


def live_view(told: Sequence[Event]) -> str:
    """Return the live view in the middle of a study, as an SVG that asks for nothing from anywhere."""
    now = [0.0]
    watch = LiveWatch(lines=False, workers=_WORKERS, max_epochs=_MAX_EPOCHS, clock=lambda: now[0])
    played = list(_as_by_workers(told))
    epochs = sum(isinstance(event, EpochFinished) for event in played)
    shown, began = 0, dict[int, float]()
    for event in played:
        if isinstance(event, EpochFinished):
            shown += 1
            now[0] += _SECONDS_AN_EPOCH / _WORKERS
        if isinstance(event, TrialStarted):
            began[event.trial] = now[0]
        watch(replace(event, seconds=now[0] - began[event.trial]) if isinstance(event, TrialFinished) else event)
        if shown >= _EPOCHS_SHOWN * epochs:
            break
    console = Console(
        record=True,
        color_system="truecolor",
        width=WIDTH,
        height=24,
        file=io.StringIO(),
        force_terminal=True,
        legacy_windows=False,
    )
    console.print(watch)
    return without_requests(console.export_svg(title="kallos-run tune", unique_id="live"))


def without_requests(svg: str) -> str:
    """Return an SVG without fonts from elsewhere.

    Raises
    ------
    ValueError
        Where it still names something that a viewer would fetch.
    """
    kept = re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg).replace("Fira Code", "monospace")
    asked_for = re.findall(r'(?:url\(|href=|src=)["\']?(?!#)(https?:[^"\')]+)', kept)
    if asked_for:
        raise ValueError(f"the picture asks for {', '.join(asked_for)}")
    return "\n".join(line.rstrip() for line in kept.splitlines()) + "\n"


def first_screen_of_report(folder: Path, picture: Path) -> None:
    """Draw what a browser shows of the study's report when it is opened."""
    database = _database_in(folder)
    study = load_study(database, _STUDY)
    data, _ = reload_study_data(study, database)
    page = write_report(study, folder / "report.html", data=data)
    command = [
        *(os.environ.get("KALLOS_CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--disable-gpu"),
        *(f"--window-size={_SCREEN}", "--hide-scrollbars", f"--screenshot={picture}", page.as_uri()),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def study_in(folder: Path) -> list[Event]:
    """Run the study in a database of its own, and return what it told."""
    told: list[Event] = []
    settings = TuningSettings.of(
        target_folds=3, max_epochs=_MAX_EPOCHS, patience=6, space=_SPACE, seed=_SEED, workers=1
    )
    database = _database_in(folder)
    report = ingest_frame(simulate_market(700, signal=0.3, seed=_SEED), "BTC", database)
    end = report.last.date().isoformat()
    run_tuning(
        "BTC", end, database, None, "gru", _STUDY, "log_return", {"volume_features": ["volume"]}, _TRIALS,
        settings=settings, on_event=told.append,
    )  # fmt: skip
    return told


def _database_in(folder: Path) -> DatabaseConfig:
    return DatabaseConfig.of(f"sqlite:///{folder}/market.db")


def _as_by_workers(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events of trials that one worker ran as several would have told them: each trial in its order."""
    waiting: deque[deque[Event]] = deque()
    for event in events:
        if isinstance(event, StudyOpened):
            yield event
            continue
        if isinstance(event, TrialStarted):
            waiting.append(deque())
        waiting[-1].append(event)
    running = [waiting.popleft() for _ in range(min(_WORKERS, len(waiting)))]
    params: dict[int, Mapping[str, int | float]] = {}
    ended: list[TrialFinished] = []
    while running:
        for trial in list(running):
            event = trial.popleft()
            if isinstance(event, TrialStarted):
                params[event.trial] = event.params
            if isinstance(event, TrialFinished):
                ended.append(event)
                event = _counted(event, ended, params)
            yield event
            if not trial:
                running.remove(trial)
                if waiting:
                    running.append(waiting.popleft())


def _counted(
    event: TrialFinished, ended: Sequence[TrialFinished], params: Mapping[int, Mapping[str, int | float]]
) -> TrialFinished:
    """Return the end of a trial with what there is by then in the order that is played."""
    scores = {each.trial: each.score for each in ended if each.state == "COMPLETE" and each.score is not None}
    best = min(scores, key=lambda trial: scores[trial], default=None)
    return replace(
        event,
        n_finished=len(ended),
        n_pruned=sum(each.state == "PRUNED" for each in ended),
        best_score=None if best is None else scores[best],
        best_trial=best,
        best_params={} if best is None else params[best],
    )


if __name__ == "__main__":
    main()
