"""What one worker does for an objective that its module names."""

from pkgutil import resolve_name
from typing import Any

from kallos_data import DatabaseConfig

from .claims.join import join_study
from .claims.times import ClaimSettings
from .evaluation.sampling import sampler_of_draw
from .events import Listener
from .workers.worker_loop import run_trials


def run_claims_of(  # noqa: PLR0917 - called with the arguments of an assignment
    config: DatabaseConfig,
    study_name: str,
    n_trials: int,
    times: ClaimSettings,
    crew: str,
    objective: str,
    arguments: tuple[Any, ...],
    seed: int,
    on_event: Listener,
) -> None:
    """Run trials of an objective until the budget is finished; what every worker does."""
    function = resolve_name(objective)
    claims = join_study(config, study_name, n_trials, times, crew=crew)
    run_trials(
        claims,
        lambda trial: float(function(trial, *arguments)),
        lambda draw: sampler_of_draw(draw, seed),
        on_event,
    )
