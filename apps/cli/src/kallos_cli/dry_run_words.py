"""A dry run as tables and lines."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kallos_tune import duration

from . import output
from .fold_bars import FoldSpan, fold_bars, legend
from .wording import count

_WIDEST_BARS: Final = 100
_MOST_JUMPS: Final = 3
_BUSY: Final = 0.8
_GIBI: Final = 2**30
_PRUNERS: Final = {"halving": "with the pruner", "none": "every trial on every fold"}


def show_plan(facts: Mapping[str, Any]) -> None:
    """Print what a study would do."""
    output.show(f"Dry run of study {facts['study_name']} ({facts['model_name']}): nothing is written")
    output.show()
    _show_data(facts["data"], facts["target"])
    _show_folds(facts["folds"], facts["target"]["metric"], facts["data"])
    rows = [(each["name"], _range(each), each["scale"]) for each in facts["search_space"]]
    output.show_table(["parameter", "values", "scale"], rows, title="Search space")
    _show_study(facts["study"], facts["run"])


def show_estimate(facts: Mapping[str, Any], *, pruner: str) -> None:
    """Print what it would take."""
    estimate, n_to_run = facts["estimate"], facts["study"]["n_to_run"]
    if isinstance(estimate, str):
        output.show(f"time    {estimate}")
        return
    if not n_to_run:
        why = "it would be refused" if facts["study"]["refused"] else "no trial is missing"
        output.show(f"time    0 s: {why}")
        return
    rows = [
        (each["name"], *_sizes(estimate["configurations"][each["name"]]), round(1000 * each["step"], 1))
        for each in estimate["timings"]
    ]
    names = list(estimate["configurations"][estimate["timings"][0]["name"]])
    sizes = [name for name in names if name in _SIZES]
    title = f"Timed, {count(estimate['workers'], 'worker')} at once, milliseconds a training step"
    output.show_table(["model", *sizes, "ms_each"], rows, title=title)
    for name, reason in estimate["untimed"].items():
        output.show(f"the {name} cannot be trained, and such trials would fail: {reason}")
    other = "none" if pruner == "halving" else "halving"
    times = {"halving": estimate["pruned"], "none": estimate["unpruned"]}
    what = f"for {count(n_to_run, 'trial')}"
    output.show(f"time    {time_range(*times[pruner])} {what}, {_PRUNERS[pruner]}")
    output.show(f"        {time_range(*times[other])} {_PRUNERS[other]} (--pruner {other})")
    if estimate["share"] < _BUSY:
        got = f"{estimate['share']:.0%} of its core"
        output.show(f"        (wide, since the machine is busy: a worker got {got} while it was timed)")
    low, high = (each / _GIBI for each in estimate["memory"])
    output.show(f"memory  from {low:.1f} to {high:.1f} GiB for all workers{_memory_left()}")


def time_range(low: float, middle: float, high: float) -> str:
    """Return how long something takes, and from where to where that lies, rounded as such a guess deserves."""
    first, about, last = roughly(low), roughly(middle), roughly(high)
    return f"about {about}" if first == last else f"about {about} (from {first} to {last})"


def roughly(seconds: float) -> str:
    """Return a length of time without digits that nobody can know."""
    if seconds < 57.5:
        return f"{max(1, round(seconds)) if seconds < 15 else 5 * round(seconds / 5)} s"
    if seconds < 595:
        return duration(10 * round(seconds / 10)).removesuffix(" 0 s")
    if seconds < 5_970:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


_SIZES: Final = ("hidden_dim", "n_rnn_layers", "batch_size", "input_chunk_length")


def _sizes(params: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in params.items() if name in _SIZES]


def _show_data(data: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    holes, jumps, groups = data["holes"], data["jumps"], data["feature_groups"]
    filled = f"{data['n_filled']} filled in {count(len(holes), 'hole')}" if holes else "none filled"
    if holes:
        longest = max(holes, key=lambda hole: hole["steps"])
        filled += f", the longest of {count(longest['steps'], 'step')} from {_day(longest['first'])}"
    learnt = target["why"] or f"its {target['learnt']} are learnt"
    quantiles = ", as quantiles" if target["likelihood"] == "quantile" else ""
    ahead = f"{count(target['horizon'], 'step')} ahead, {target['forecast']}"
    output.show_facts(
        {
            "asset": f"{data['asset_id']}, {_day(data['first'])} to {_day(data['last'])}, step {data['step']}",
            "rows": f"{data['n_rows']}: {data['n_observed']} observed, {filled}",
            "outliers": count(len(jumps), "jump") + " of the close" if jumps else "none",
            "target": f"{target['column']}{quantiles}, {ahead}: {learnt}",
            "features": f"{sum(map(len, groups.values()))} of {count(data['n_columns'], 'column')}",
            "naive": f"{target['metric']} {target['naive_score']:.4g} over the folds ({target['naive_in_words']})",
        }
    )
    for jump in jumps[:_MOST_JUMPS]:
        output.show(f"  {_day(jump['time'])}: the close goes from {jump['before']:g} to {jump['close']:g}")
    rows = [(group, ", ".join(columns)) for group, columns in groups.items()]
    output.show_table(["group", "columns"], rows)


def _show_folds(folds: Sequence[Mapping[str, Any]], metric: str, data: Mapping[str, Any]) -> None:
    purged = any(fold["n_purged"] for fold in folds)
    header = ["fold", "train from", "to", "steps", *(["purge"] if purged else []), "validation from", "to", "steps"]
    rows = [
        [
            *(fold["fold"], _day(fold["train_first"]), _day(fold["train_last"]), fold["n_train"]),
            *([fold["n_purged"]] if purged else []),
            *(_day(fold["val_first"]), _day(fold["val_last"]), fold["n_val"], fold["naive_score"]),
        ]
        for fold in folds
    ]
    output.show_table([*header, f"naive {metric}"], rows, title="Folds")
    spans = [FoldSpan(first, last + 1, val, end + 1) for first, last, val, end in (fold["rows"] for fold in folds)]
    glyphs = output.result_glyphs()
    width = min(_WIDEST_BARS, output.result_width())
    for line in fold_bars(spans, data["n_rows"], width, glyphs):
        output.show(line)
    output.show(f"  {legend(glyphs, purged=purged)}")
    output.show()


def _show_study(study: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    schema = f", schema {study['optuna_schema']}" if study["optuna_schema"] else ""
    has = f"{count(study['n_finished'], 'finished trial')} of {study['n_trials']}" if study["exists"] else "new"
    to_run = "nothing to run" if not study["n_to_run"] else f"{study['n_to_run']} to run"
    threads = count(run["threads"], "thread")
    on = "on the Ray cluster" if run["engine"] == "ray" else f"with {threads} each, on {run['device']}"
    output.show_facts(
        {
            "where": f"{study['database']}{schema}",
            "study": f"{has}, {'would be refused' if study['refused'] else to_run}",
            "search": f"sampler {run['sampler']}, pruner {run['pruner']}, seed {run['seed']}, at most "
            f"{count(run['max_epochs'], 'epoch')} with a patience of {run['patience']}",
            "workers": f"{run['workers']} {on}",
        }
    )
    for number, line in enumerate(study["refused"] or ()):
        output.show(f"refused: {line}" if number == 0 else line)
    output.show()


def _range(each: Mapping[str, Any]) -> str:
    if "choices" in each:
        return "one of " + ", ".join(map(str, each["choices"]))
    if "low" not in each:
        return str(each["kind"])
    step = f" in steps of {each['step']:g}" if each["step"] else ""
    return f"{each['low']:g} to {each['high']:g}{step}"


def _memory_left() -> str:
    """Return how much memory there is, in words; nothing where the system does not say."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return ""
    return f"; {free / _GIBI:.1f} GiB are free now"


def _day(moment: str) -> str:
    """Return a moment by its day, with the time where that is not midnight."""
    day, _, time = moment.partition("T")
    return day if time[:5] in {"", "00:00"} else f"{day} {time[:5]}"
