"""What only the command line can see to be wrong."""


class UserError(Exception):
    """A mistake of the user that only the command line can see."""
