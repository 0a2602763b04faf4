"""Questions before something is lost."""

import sys

import typer

from .user_error import UserError


def ask(question: str, *, command: str, nothing: str) -> None:
    """Ask at the terminal whether to go on.

    Parameters
    ----------
    question : str
    command : str
        Which asks, as in "study delete".
    nothing : str
        What to say where the answer is no, as in "nothing was removed".

    Raises
    ------
    UserError
        Where the answer is no, or there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise UserError(f"{command} asks first, and there is no terminal: add --yes")
    if not typer.confirm(question, err=True):
        raise UserError(nothing)
