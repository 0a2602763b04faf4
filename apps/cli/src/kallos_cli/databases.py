"""The two databases of a command: that of the prices, and that of the studies where it is another."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig


@dataclass(frozen=True, slots=True)
class Databases:
    """Where prices and studies are.

    Attributes
    ----------
    prices : DatabaseConfig or None
        None where a command has no use for them.
    studies_apart : DatabaseConfig or None
        None where the studies are with the prices.
    """

    prices: "DatabaseConfig | None"
    studies_apart: "DatabaseConfig | None" = None

    @classmethod
    def of(cls, db_url: str, studies_url: str | None = None) -> Self:
        """Read what was typed, or stands in the environment.

        Raises
        ------
        kallos_data.ConfigError
            Where one cannot be used, by the name of its option.
        """
        from kallos_data import DatabaseConfig

        return cls(DatabaseConfig.of(db_url), _studies(studies_url))

    @classmethod
    def of_studies(cls, db_url: str, studies_url: str | None = None) -> Self:
        """Read where the studies are, for a command that needs no prices.

        Raises
        ------
        kallos_data.ConfigError
            As in :meth:`of`.
        """
        studies = _studies(studies_url)
        return cls.of(db_url) if studies is None else cls(None, studies)

    @property
    def studies(self) -> "DatabaseConfig":
        """Where the studies are."""
        config = self.studies_apart or self.prices
        assert config is not None, "a command has one database at least"
        return config

    @property
    def for_studies_alone(self) -> "Databases":
        """What a command needs to know that looks at studies only."""
        return self if self.studies_apart is None else Databases(None, self.studies_apart)


def _studies(studies_url: str | None) -> "DatabaseConfig | None":
    from kallos_data import ConfigError, DatabaseConfig

    if not studies_url:
        return None
    try:
        return DatabaseConfig.from_url(studies_url)
    except ConfigError as error:
        raise ConfigError(error.problem, "studies_url") from None
