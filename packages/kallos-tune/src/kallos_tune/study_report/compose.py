"""From a study to what its report says."""

from .contents import Contents
from .data_section import data_section
from .definition_sections import definition_section, reproduction_section
from .gathered import Gathered
from .run_sections import run_section
from .search_sections import best_section, history_section, importance_section, scores_section, slice_section
from .verdict_sections import forecast_section, gain_section, overfitting_section, verdict_section

_SECTIONS = (
    verdict_section,
    best_section,
    forecast_section,
    gain_section,
    scores_section,
    history_section,
    importance_section,
    slice_section,
    overfitting_section,
    run_section,
    data_section,
    definition_section,
    reproduction_section,
)


def contents_of(gathered: Gathered) -> Contents:
    """Return what a report says, what counts most first.

    Raises
    ------
    ConfigError
        Where the study was not made by Kallos.
    """
    definition, verdict = gathered.definition, gathered.verdict
    subtitle = (
        f"{definition['model_name']} for {definition['target_col']} of {definition['asset_id']}, "
        f"{definition['first'][:10]} to {definition['last'][:10]}"
    )
    return Contents(
        title=f"Study {gathered.study.study_name}",
        subtitle=subtitle,
        conclusion="not judged" if verdict is None else verdict.conclusion,
        sections=tuple(section(gathered) for section in _SECTIONS),
    )
