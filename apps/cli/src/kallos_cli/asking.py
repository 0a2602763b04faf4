"""Questions before something is lost."""

import sys

import typer

from .user_error import UserError


def ask(question: str, *, doing: str, nothing: str) -> None:
    """Ask at the terminal whether to go on.

    Parameters
    ----------
    question : str
    doing : str
        What the command does with anything, as in "removes".
    nothing : str
        What to say where the answer is no, as in "nothing was removed".

    Raises
    ------
    UserError
        Where the answer is no, or there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise UserError(f"asks before it {doing} anything, and there is no terminal to ask at: repeat it with --yes")
    if not typer.confirm(question, err=True):
        raise UserError(nothing)
