"""The error of whoever typed the command."""


class UserError(Exception):
    """A mistake of the user that only the command line can see."""
