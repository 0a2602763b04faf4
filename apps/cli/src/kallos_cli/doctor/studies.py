"""Checks of the database of studies: what of it is there, and whether studies can be created and recorded."""

from typing import TYPE_CHECKING

from .check import Check, broken, ok, warning

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig


def studies(config: "DatabaseConfig", schema: str | None) -> Check:
    """Check that studies can be written, and count them."""
    from kallos_tune import study_names, study_rights

    rights = study_rights(config, optuna_schema=schema)
    where = f"schema {schema} of {config}" if schema else str(config)
    if rights.other_owner is not None:
        return broken(
            "studies",
            f"{where} belongs to another application, {rights.other_owner}",
            "keep studies in a schema of their own (--optuna-schema), or elsewhere (--studies-url)",
        )
    if not rights.exist:
        if rights.may_create:
            return ok("studies", f"none yet in {where}; tune can create their tables")
        return broken(
            "studies", f"none yet in {where}, and their tables cannot be created", f"{_grant(config, schema)}"
        )
    names = study_names(config, optuna_schema=schema)
    words = f"{len(names)} in {where}"
    if not rights.may_write:
        return warning("studies", f"{words}, which may only be read", f"to run tune, {_grant(config, schema)}")
    return ok("studies", words)


def _grant(config: "DatabaseConfig", schema: str | None) -> str:
    if config.backend == "sqlite":
        return "let this user write the file and its folder, or name another file with --studies-url"
    what = f"ALL ON SCHEMA {schema}" if schema else "CREATE ON SCHEMA and ALL ON its tables"
    return f"let its owner GRANT {what} TO {config.url.username}, or name another database with --studies-url"
