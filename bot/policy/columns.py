"""The guide's column names, and those that a running platform has instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column that the guide names in a statement.

    `real` is the column of the deployed schema; `condition` replaces a comparison of the guide where a bare name does
    not do. Both schemas exist in the wild: look in information_schema before anything runs, the guide's name first.
    """

    table: str
    guide: str
    real: str
    condition: str = ""


# Source: facts, Where the guide's SQL does not run. Used by Index Optimization, Database Optimization, Data Corruption.
COLUMNS: tuple[Column, ...] = (
    Column("profiles", "owner", "wallet_address"),
    Column("skills", "claimer", "profile_id"),
    Column("skills", "status", "is_verified", condition="is_verified"),
    Column("endorsements", "endorser", "endorser_address"),
)


def column_of(table: str, guide: str) -> Column:
    """Raises: KeyError for a column that no statement of the guide names."""
    return {(column.table, column.guide): column for column in COLUMNS}[table, guide]
