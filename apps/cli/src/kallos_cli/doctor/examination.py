"""All checks in their order; what depends on a database that cannot be reached is left out."""

from pathlib import Path
from typing import TYPE_CHECKING

from . import machine, prices, studies
from .check import Check, run

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig, FeatureTables

    from ..databases import Databases


def examine(databases: "Databases", schema: str | None, tables: "FeatureTables") -> list[Check]:
    """Return what all checks found; none of them raises, writes or creates anything."""
    found = examine_machine()
    of_prices = databases.prices
    if of_prices is not None:
        found += _of_prices(of_prices, tables)
    of_studies = databases.studies
    if of_studies != of_prices:
        reached = run("database of studies", lambda: prices.reachable("database of studies", of_studies))
        found += reached
        if reached[0].state == "broken":
            return found
        found += run("clock", lambda: prices.clock(of_studies))
        found += run("disk", lambda: _beside(of_studies))
    elif any(check.name == "database" and check.state == "broken" for check in found):
        return found
    return found + run("studies", lambda: studies.studies(of_studies, schema))


def examine_machine() -> list[Check]:
    """Return what the checks of the machine found, whatever databases there are."""
    found = run("versions", machine.versions)
    found += run("cores", machine.cores)
    found += run("devices", machine.devices)
    found += run("temporary files", machine.temporary_folder)
    return found + run("open files", machine.open_files)


def _of_prices(config: "DatabaseConfig", tables: "FeatureTables") -> list[Check]:
    reached = run("database", lambda: prices.reachable("database", config))
    if reached[0].state == "broken":
        return reached
    found = reached + run("clock", lambda: prices.clock(config))
    found += run("disk", lambda: _beside(config))
    found += run("rights", lambda: prices.writable(config))
    return found + run("tables", lambda: prices.tables(config, tables))


def _beside(config: "DatabaseConfig") -> list[Check]:
    if config.backend == "postgresql":
        return []
    return [machine.disk("disk", Path(config.url.database or "").absolute().parent)]
