"""The page of a saved forecaster for people, made from its card."""

from dataclasses import fields

from ..hyperparameters import Hyperparameters
from .card import Card, MemberCard

_HEAD = "| member | architecture | hidden width, layers | look-back | forecasts | past covariates |"


def default_page(card: Card) -> str:
    """Return a description of a forecaster as Markdown."""
    n = len(card.members)
    rows = [_row(index, member) for index, member in enumerate(card.members)]
    notes = [f"- {name}: {value}" for name, value in card.about.items() if isinstance(value, str | int | float)]
    versions = ", ".join(f"{name} {number}" for name, number in card.versions.items())
    head = (
        f"{'One network' if n == 1 else f'{n} networks'}, saved with {versions}. `card.json` says the same and more; "
        "`weights.safetensors` holds numbers alone, so that loading it runs no code."
    )
    table = "\n".join([_HEAD, "|" + "---|" * 6, *rows])
    example = '```python\nfrom kallos_models import load_forecaster\n\nforecaster = load_forecaster("FOLDER")\n```'
    return "\n\n".join(["# Forecaster", head, table, *(["\n".join(notes)] if notes else []), example]) + "\n"


def _row(index: int, member: MemberCard) -> str:
    hparams = member.hyperparameters
    first = hparams.output_chunk_shift + 1
    last = hparams.output_chunk_shift + hparams.output_chunk_length
    steps = f"step {first}" if first == last else f"steps {first} to {last}"
    what = "" if member.likelihood == "none" else " (quantiles)"
    covariates = ", ".join(member.covariates) or "none"
    return (
        f"| {index} | {member.architecture}{_own(hparams)} | {hparams.hidden_dim}, {hparams.n_rnn_layers} "
        f"| {hparams.input_chunk_length} steps | {steps}{what} | {covariates} |"
    )


def _own(hparams: Hyperparameters) -> str:
    """Return the hyperparameters that the architecture alone has, where one is not the default."""
    common = {each.name for each in fields(Hyperparameters)}
    own = [each for each in fields(hparams) if each.name not in common]
    told = [f"{each.name} {getattr(hparams, each.name)}" for each in own if getattr(hparams, each.name) != each.default]
    return f" ({', '.join(told)})" if told else ""
