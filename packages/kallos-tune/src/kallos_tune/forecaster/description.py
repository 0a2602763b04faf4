"""The model card for people: what a forecaster is, was trained on, and may be used for."""

from collections.abc import Mapping
from typing import Any

from ..learnt import LEARNT
from ..verdict.verdict import Verdict
from ..verdict.wording import verdict_lines

_QUANTILES = "They forecast the quantiles 0.05, 0.25, 0.5, 0.75 and 0.95; the median is what is called the forecast."


def description_of(about: Mapping[str, Any], *, likelihood: str = "none") -> str:
    """Return the text of ``model-card.md``.

    Parameters
    ----------
    about : mapping
        A :class:`kallos_tune.forecaster.card.ForecasterCard` in JSON's own types.
    likelihood : {"none", "quantile"}, default "none"
        Whether its networks forecast quantiles.
    """
    transform = about["target_scaler"]["target_transform"]
    members = [
        f"| {number} | {each['trial']} | {each['seed']} | {each['epochs']} |"
        for number, each in enumerate(about["members"], start=1)
    ]
    lines = [
        f"# A forecaster of {about['target_col']} of {about['asset_id']}",
        "",
        f"It forecasts `{about['target_col']}`, {1 + about['purge']} step(s) ahead, as the mean of the networks below.",
        *([] if transform == "none" else [f"What they learn is its {LEARNT[transform]} since the last value known."]),
        *([] if likelihood == "none" else [_QUANTILES]),
        "",
        f"- trained on: {about['train_first']} to {about['train_last']}",
        f"- nothing after {about['known_until']} had a part in it",
        f"- features: {', '.join(name for columns in about['feature_groups'].values() for name in columns) or 'none'}",
        f"- tables: {about['tables']['market']}, {about['tables']['indicators'] or 'no indicators'}",
        f"- study: {about['study_name']}",
        "",
        "| member | trial | seed | epochs |",
        "|---|---|---|---|",
        *members,
        "",
        "## What it is worth",
        "",
        *_worth(about["verdict"]),
        "",
        "Judge it on later steps with `kallos-run evaluate`, before money depends on it. Smaller errors are no profit:",
        "the costs of trading are not counted.",
        "",
        "`card.json` says the same for programs; `weights.safetensors` holds the networks, and no code.",
    ]
    return "\n".join(lines) + "\n"


def _worth(verdict: Mapping[str, Any] | None) -> list[str]:
    if verdict is None:
        return ["Its study was not judged."]
    return [f"- {line}" for line in verdict_lines(Verdict.from_dict(verdict))]
