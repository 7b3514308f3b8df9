"""A restore that fails says something about the backup only when the server is not at fault."""

import pytest

from bot.operations.proving import is_at_fault

PSQL, PG_RESTORE = "psql failed with exit code 3: ERROR:  ", "pg_restore failed with exit code 1: pg_restore: error: "


@pytest.mark.parametrize(
    "said",
    [
        PSQL + 'missing data for column "bio" CONTEXT: COPY profiles, line 5',
        PSQL + 'duplicate key value violates unique constraint "profiles_pkey"',
        PSQL + 'insert or update on table "skills" violates foreign key constraint "skills_profile_id_fkey"',
        PSQL + 'syntax error at or near "garbage"',
        PG_RESTORE + "could not execute query: ERROR:  invalid input syntax for type uuid",
    ],
)
def test_what_the_server_refuses_of_the_file_is_the_files_fault(said: str) -> None:
    assert is_at_fault(said)


@pytest.mark.parametrize(
    "said",
    [
        PSQL + 'could not extend file "base/1/2": No space left on device',
        PSQL + "out of memory DETAIL: Failed on request of size 8192",
        PSQL + "terminating connection due to administrator command",
        PSQL + 'permission denied to create extension "postgis"',
        PSQL + 'role "reader" does not exist',
        PSQL + 'extension "postgis" is not available',
        PSQL + "the database system is shutting down",
        PSQL + "canceling statement due to lock timeout",
        PG_RESTORE + 'connection to server at "db" failed: Connection refused',
        "psql failed with exit code 2: psql: error: connection to server failed",
        "psql failed with exit code 1: psql: error: out of memory",
        "psql failed with exit code -9: it said nothing",
        "PostgreSQL at db:5432 does not answer: connection lost",
        "psql ended before it had read all of its input.",
    ],
)
def test_the_servers_own_troubles_say_nothing_about_the_backup(said: str) -> None:
    assert not is_at_fault(said)
