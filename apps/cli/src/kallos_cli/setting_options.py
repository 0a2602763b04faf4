"""The options that stand for settings of a study: names and places here, everything else from the library's fields."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints

import typer
from rich.markup import escape

from kallos_models import KallosError, SettingFacts, TrainingSettings, facts_of
from kallos_tune import FoldSettings, ForecasterSettings, HistorySettings, RunSettings, SearchSettings
from kallos_tune import KallosError as TuneError

from .options import DATA_PANEL, SEARCH_PANEL, STORAGE_PANEL, iso_date
from .study_place import replace_parameter

VALIDATION_PANEL = "Validation"
TRAINING_PANEL = "Training"


@dataclass(frozen=True, slots=True)
class SettingOption:
    """An option of the command line for one setting of the library.

    Attributes
    ----------
    part : type
        The class of settings that declares it.
    name : str
        The field, which is also what the command's function gets it as.
    panel : str
        Where the help lists it.
    flag : str
        How it is typed.
    metavar : str or None
        What stands for its value in the help.
    type : object or None
        What a typed value is read as; None is the type of the field.
    more : str
        What the help says beyond the field's meaning.
    found_out : bool
        Whether the command finds out the default, so that it is None as long as nothing is typed.
    callback : callable or None
        Refuses what no field can: words that are no date.
    """

    part: type
    name: str
    panel: str
    flag: str = ""
    metavar: str | None = None
    type: Any = None
    more: str = ""
    found_out: bool = False
    callback: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if not self.flag:
            object.__setattr__(self, "flag", "--" + self.name.replace("_", "-"))

    @property
    def facts(self) -> SettingFacts:
        """What the library declares."""
        return facts_of(self.part, self.name)

    @property
    def default(self) -> Any:  # noqa: ANN401 - of any setting
        """What it is where it is not typed."""
        return None if self.found_out else self.facts.default

    @property
    def help(self) -> str:
        """The meaning, and what the command line adds to it; brackets in it are no markup."""
        return escape(f"{self.facts.meaning} {self.more}".strip())

    def parameter(self) -> inspect.Parameter:
        """Return it as typer finds it in the signature of a command."""
        facts = self.facts
        kind = self.type or get_type_hints(self.part)[self.name]
        if self.default is None:
            kind = kind | None
        option = typer.Option(
            self.flag,
            metavar=self.metavar,
            min=facts.least,
            max=facts.most,
            rich_help_panel=self.panel,
            callback=self.callback,
            help=self.help,
        )
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=self.default, annotation=Annotated[kind, option]
        )

    def refusal(self, typed: str) -> str | None:
        """Return why the library refuses a value, in its own words, None where it does not."""
        try:
            self.part(**{self.name: _plain_value(typed)})
        except (KallosError, TuneError) as error:
            return error.problem
        return None


SETTING_OPTIONS = (
    SettingOption(HistorySettings, "start_date", DATA_PANEL, metavar="DATE", type=str, callback=iso_date),
    SettingOption(HistorySettings, "max_gap", DATA_PANEL, metavar="N"),
    SettingOption(HistorySettings, "frequency", DATA_PANEL, metavar="STEP"),
    SettingOption(FoldSettings, "target_folds", VALIDATION_PANEL, "--folds", metavar="N"),
    SettingOption(FoldSettings, "val_share", VALIDATION_PANEL, metavar="X"),
    SettingOption(FoldSettings, "purge", VALIDATION_PANEL, metavar="N"),
    SettingOption(FoldSettings, "window", VALIDATION_PANEL),
    SettingOption(FoldSettings, "forecast", VALIDATION_PANEL),
    SettingOption(FoldSettings, "target_transform", VALIDATION_PANEL),
    SettingOption(FoldSettings, "metric", VALIDATION_PANEL),
    SettingOption(TrainingSettings, "max_epochs", TRAINING_PANEL, metavar="N"),
    SettingOption(TrainingSettings, "patience", TRAINING_PANEL, metavar="N"),
    SettingOption(TrainingSettings, "likelihood", TRAINING_PANEL),
    SettingOption(TrainingSettings, "device", TRAINING_PANEL),
    SettingOption(
        TrainingSettings,
        "seed",
        SEARCH_PANEL,
        metavar="N",
        more="The sampler's too: with one worker, the same seed gives the same study.",
    ),
    SettingOption(SearchSettings, "sampler", SEARCH_PANEL),
    SettingOption(SearchSettings, "pruner", SEARCH_PANEL),
    SettingOption(
        RunSettings,
        "workers",
        SEARCH_PANEL,
        metavar="W",
        more="1 repeats a study exactly for a seed; more do not, since their order differs. Default: the usable cores; "
        "with Ray, as many as the cluster holds.",
        found_out=True,
    ),
    SettingOption(RunSettings, "engine", SEARCH_PANEL),
    SettingOption(RunSettings, "ray_address", SEARCH_PANEL, metavar="HOST:PORT", type=str),
    SettingOption(RunSettings, "cpus_per_worker", SEARCH_PANEL, metavar="X"),
    SettingOption(RunSettings, "gpus_per_worker", SEARCH_PANEL, metavar="X"),
    SettingOption(RunSettings, "resume", SEARCH_PANEL),
    SettingOption(RunSettings, "database_wait_seconds", STORAGE_PANEL, "--database-wait", metavar="SECONDS"),
)

FORECASTER_OPTIONS = (
    SettingOption(ForecasterSettings, "members", TRAINING_PANEL, metavar="M"),
    SettingOption(ForecasterSettings, "members_from", TRAINING_PANEL),
    SettingOption(ForecasterSettings, "stop_on_last", TRAINING_PANEL, metavar="N"),
    SettingOption(ForecasterSettings, "device", TRAINING_PANEL),
    SettingOption(
        ForecasterSettings,
        "workers",
        TRAINING_PANEL,
        metavar="W",
        more="The forecaster is the same for any number. Default: the usable cores.",
        found_out=True,
    ),
)

GRACE_SECONDS: float = facts_of(RunSettings, "grace_seconds").default
WAIT_SECONDS: float = facts_of(RunSettings, "database_wait_seconds").default
# Of commands that take no other setting.
DatabaseWait = Annotated[
    float,
    typer.Option(
        "--database-wait",
        metavar="SECONDS",
        min=0,
        rich_help_panel=STORAGE_PANEL,
        help=facts_of(RunSettings, "database_wait_seconds").meaning,
    ),
]


def takes_settings(
    command: Callable[..., None], options: Sequence[SettingOption] = SETTING_OPTIONS
) -> Callable[..., None]:
    """Give a command options of settings, of a study where left out, in place of its ``settings``: values by name."""
    names = {option.name for option in options}

    @wraps(command)
    def taking(**given: Any) -> None:  # noqa: ANN401 - whatever typer has read
        settings = {name: given.pop(name) for name in list(given) if name in names}
        command(**given, settings=settings)

    replace_parameter(taking, command, "settings", [option.parameter() for option in options])
    return taking


def refused_number(parameter: Any, typed: str) -> str | None:  # noqa: ANN401 - a parameter of click
    """Return why an option or argument refuses a number, in the words that settings have; None where it does not."""
    annotation = parameter.get_runtime_param().annotation
    kind = next((each for each in (int, float) if each in {annotation, *get_args(annotation)}), None)
    if kind is None:
        return None
    bounds = {"least": parameter.min, "most": parameter.max, "above": None, "below": None}
    facts = SettingFacts(parameter.name, None, "", (kind,), optional=False, choices=(), **bounds)
    try:
        facts.read(_plain_value(typed))
    except ValueError as error:
        return str(error)
    return None


def _plain_value(typed: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(typed)
        except ValueError:
            continue
    return typed
