"""``kallos-run study rerun``: train a trial again from what its study keeps, and compare every score."""

from typing import TYPE_CHECKING, Annotated

import typer

from kallos_tune import duration

from .. import command_line, output
from ..errors import EXIT_DIFFERENT
from ..options import Debug, Json, Quiet, StudyArgument
from ..progress import LOADING
from ..study_place import StudyPlace, takes_studies_and_prices
from ..wording import count

if TYPE_CHECKING:
    from kallos_tune import Event, Rerun

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run study rerun gru_btc\n\n"
    "kallos-run study rerun gru_btc --trial 7 --db-url postgresql://me@localhost/prices --optuna-schema studies"
)


@takes_studies_and_prices
def rerun(
    name: StudyArgument,
    *,
    trial: Annotated[
        int | None,
        typer.Option("--trial", min=0, metavar="N", help="Number of the trial, complete or pruned. Default: the best."),
    ] = None,
    place: StudyPlace,
    json: Json = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train a trial again from what its study keeps, and compare every score with the one kept.

    On the same versions, data and kind of machine they are equal to the last digit. Otherwise it says what differs and
    exits with 1. A pruned trial is run again as far as it got. Nothing is written.
    """
    from kallos_tune import load_study

    from .. import logs

    if quiet:
        logs.only_warnings()
    study = load_study(place.databases.studies, name, optuna_schema=place.schema)
    logs.tame_optuna()
    if not quiet:
        output.say(LOADING)
    from kallos_tune import rerun_trial

    found = rerun_trial(
        study,
        place.databases.prices or place.databases.studies,
        trial=trial,
        on_event=_silent if quiet else _Progress(name),
    )
    if json:
        output.show_json(found.to_dict())
    else:
        _show(found)
    if not quiet:
        output.say_commands(
            "Next, look at all trials of the study:",
            *command_line.needed_first(place.databases),
            command_line.with_storage(["study", "show", name], place.databases.for_studies_alone, place.schema),
        )
    if not found.equal:
        raise typer.Exit(EXIT_DIFFERENT)


def _silent(_event: "Event") -> None:
    pass


class _Progress:
    """Says which trial is run again, and each fold as it is scored."""

    def __init__(self, study_name: str) -> None:
        self._study_name = study_name

    def __call__(self, event: "Event") -> None:
        from kallos_tune import FoldFinished, TrialStarted

        if isinstance(event, TrialStarted):
            output.say(f"study {self._study_name}: trial {event.trial} is run again")
        if isinstance(event, FoldFinished):
            output.say(
                f"fold {event.fold} of {event.n_folds}: error {event.score:.4g}, naive {event.naive_score:.4g}, "
                f"{count(event.epochs, 'epoch')}, {duration(event.seconds)}"
            )


def _show(found: "Rerun") -> None:
    # Every digit: it is the last one that counts.
    rows = [
        (fold.fold, fold.first[:10], fold.last[:10], repr(fold.stored), repr(fold.new), "yes" if fold.equal else "no")
        for fold in found.folds
    ]
    as_far = f", pruned after fold {len(found.folds)} of {found.n_folds}" if found.state == "pruned" else ""
    output.show_table(
        ["fold", "from", "to", f"stored {found.metric}", f"{found.metric} now", "equal"],
        rows,
        title=f"Trial {found.trial} of study {found.study_name} ({found.model_name}{as_far})",
    )
    output.show(_sentence(found))
    for line in _differences(found):
        output.show(f"  {line}")


def _sentence(found: "Rerun") -> str:
    n_folds = len(found.folds)
    if found.equal:
        scores = "its score is" if n_folds == 1 else f"all {n_folds} scores are"
        since = " although some things differ since:" if _differences(found) else ""
        return f"rerun: {scores} the same to the last digit{since}"
    n_other = sum(not fold.equal for fold in found.folds)
    scores = f"{n_other} of {count(n_folds, 'score')} {'differs' if n_other == 1 else 'differ'} from what is stored"
    if _differences(found):
        return f"rerun: {scores}; what differs since:"
    return (
        f"rerun: {scores}, although versions, data and settings are those stored: another kind of machine rounds "
        "otherwise; repeat it on the one that ran the study"
    )


def _differences(found: "Rerun") -> list[str]:
    lines: list[str] = []
    if found.versions:
        of_packages = ", ".join(
            f"{package} {old or 'not there'}, now {new or 'not there'}"
            for package, (old, new) in found.versions.items()
        )
        lines.append(f"versions: the study was begun with {of_packages}")
    if found.data:
        lines.append(f"data: {found.data}")
    lines += [f"settings: {key} was {old}, now {new}" for key, (old, new) in found.settings.items()]
    return lines
