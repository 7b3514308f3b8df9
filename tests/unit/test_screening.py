"""Of a dump, psql gets to see what pg_dump writes, and nothing else."""

import random
from pathlib import Path

import pytest

from bot.domain.errors import OperationFailed
from bot.operations import statements
from bot.operations.screening import DumpScreen, HeldBack

DUMP = (Path(__file__).parent.parent / "data" / "odd_dump.sql").read_bytes()


def passed(dump: bytes, size: int = 1 << 20, **options: bool) -> tuple[bytes, DumpScreen]:
    screen = DumpScreen("file.sql.gz", 15, **options)
    blocks = [dump[at : at + size] for at in range(0, len(dump), size)]
    return b"".join([*map(screen.pass_on, blocks), screen.finish()]), screen


def refusal(dump: bytes) -> str:
    with pytest.raises(OperationFailed) as failure:
        passed(dump)
    return str(failure.value)


def with_statement(statement: bytes) -> bytes:
    return DUMP.replace(b"CREATE RULE", statement + b"\nCREATE RULE", 1)


def test_everything_of_a_dump_is_passed_on_but_comments_and_the_fence() -> None:
    text, screen = passed(DUMP)
    assert b"restrict" not in text
    assert b"COMMENT ON EXTENSION" not in text
    for kept in (b"ALTER TABLE public.profiles OWNER", b"DROP DATABASE takumi;\t\\\\.\n\\.\n", b"SELECT 2;\nEND;\n"):
        assert kept in text
    assert (screen.tables, screen.from_server, screen.held) == (1, "15.18", [])


def test_what_is_passed_on_does_not_depend_on_the_blocks() -> None:
    whole, _ = passed(DUMP)
    for size in [*range(1, 40), 97, 500]:
        assert passed(DUMP, size)[0] == whole


def test_gifts_to_owners_are_held_back_for_whoever_may_make_them() -> None:
    text, screen = passed(DUMP, hold_owners=True)
    assert b"OWNER TO" not in text
    assert b"DEFAULT PRIVILEGES" not in text
    assert screen.held == [
        HeldBack("ALTER FUNCTION public.odd(a integer) OWNER TO takumi;", "takumi", gives=True),
        HeldBack('ALTER TABLE public.profiles OWNER TO "Odd; ""owner""";', 'Odd; "owner"', gives=True),
        HeldBack(
            "ALTER DEFAULT PRIVILEGES FOR ROLE takumi IN SCHEMA public GRANT SELECT ON TABLES TO reader;",
            "takumi",
            gives=False,
        ),
    ]


def test_psql_is_told_to_take_no_command_with_a_word_that_the_dump_cannot_know() -> None:
    first, second = passed(DUMP, restrict=True)[0], passed(DUMP, restrict=True)[0]
    token = first.split(b"\n")[0].removeprefix(b"\\restrict ")
    assert len(token) == 32
    assert first.endswith(b"\\unrestrict " + token + b"\n")
    assert token not in second


@pytest.mark.parametrize(
    "attack",
    [
        rb"\! touch /tmp/owned",
        rb"\copy public.profiles from program 'id'",
        rb"\connect takumi",
        rb"\c takumi",
        rb"\o |sh",
        rb"\set x `id`",
        rb"\i /etc/passwd",
        rb"SELECT pg_catalog.setval('a', 1, true) \g |sh",
        rb"CREATE TABLE x (a int) \gexec",
        rb"\restrict a; \! id",
        rb"\unrestrict kXlRP0gHsuL3y8NE \! id",
        rb"COPY public.profiles FROM PROGRAM 'id';",
        rb"COPY public.profiles TO PROGRAM 'id';",
        rb"COPY public.profiles TO stdout;",
        rb"COPY public.profiles FROM '/etc/passwd';",
        rb"COPY public.profiles FROM stdin; \! id",
        rb"DROP DATABASE takumi;",
        rb"DROP /* x */ DATABASE takumi;",
        rb"drop	database takumi;",
        b"DROP -- x\n DATABASE takumi;",
        rb"CREATE DATABASE evil;",
        rb"ALTER DATABASE takumi RENAME TO gone;",
        rb"ALTER SYSTEM SET archive_command = 'id';",
        rb"ALTER ROLE takumi SUPERUSER;",
        rb"ALTER USER takumi SUPERUSER;",
        rb"CREATE ROLE evil;",
        rb"CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p;",
        rb"DROP OWNED BY takumi;",
        rb"GRANT takumi TO evil;",
        rb'GRANT CONNECT ON DATABASE takumi TO " ON x";',
        rb"SET ROLE takumi;",
        rb"SET SESSION AUTHORIZATION takumi;",
        rb"SET session_authorization = takumi;",
        rb"SET LOCAL role = takumi;",
        rb"RESET ROLE;",
        rb"SET standard_conforming_strings = off;",
        rb"SET client_encoding = 'SJIS';",
        rb"SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);",
        rb"SELECT pg_terminate_backend(1);",
        rb"SELECT pg_catalog.pg_terminate_backend(1);",
        rb"DO $$ BEGIN PERFORM 1; END $$;",
        rb"CALL evil();",
        rb"UPDATE pg_catalog.pg_class SET relname = 'x';",
        rb"DELETE FROM public.profiles;",
        rb"TRUNCATE public.profiles;",
        rb"LISTEN x;",
        rb"pg_dump: warning: there are circular foreign-key constraints;",
    ],
)
def test_what_pg_dump_does_not_write_is_refused(attack: bytes) -> None:
    said = refusal(with_statement(attack))
    assert "file.sql.gz is no backup that can be restored" in said


@pytest.mark.parametrize(
    "gift",
    [
        b"ALTER TABLE public.profiles ADD COLUMN x int DEFAULT public.odd(1), OWNER TO takumi;",
        b"ALTER TABLE public.profiles OWNER TO takumi, ADD COLUMN x int DEFAULT public.odd(1), OWNER TO takumi;",
        b"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;",
        b"ALTER TABLE public.x OWNER TO \xff;",
    ],
)
def test_a_gift_that_could_run_code_of_the_dump_is_refused(gift: bytes) -> None:
    with pytest.raises(OperationFailed, match="gives objects away"):
        passed(with_statement(gift), hold_owners=True)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "does not end as a complete dump"),
        (DUMP[:300], "in the middle|does not end"),
        (DUMP[: DUMP.index(b"2\t;")], "in the middle of the data of a COPY"),
        (DUMP[: DUMP.index(b"nested")], "in the middle of a comment"),
        (DUMP[: DUMP.index(b"it''s")], "in the middle of a string"),
        (DUMP[: DUMP.index(b"-- PostgreSQL database dump complete")], "does not end as a complete dump"),
        (b'pg_dump: error: connection to server at "h" failed: FATAL:  no\n', "messages of a failed program"),
        (b"pg_dump: error: it's gone\n" + DUMP, "messages of a failed program|in the middle"),
        (DUMP.replace(b"version 15.18", b"version 18.6", 1), "dumped from PostgreSQL 18, which 15 cannot restore"),
        (DUMP.replace(b"CREATE TABLE", b"CREATE VIEW"), "holds no table"),
        (DUMP + b"CREATE TABLE public.more ();\n", "something follows its end"),
        (b"-- PostgreSQL database dump complete\n", "holds no table"),
    ],
)
def test_a_broken_dump_is_named_for_what_it_is(broken: bytes, said: str) -> None:
    with pytest.raises(OperationFailed, match=said):
        passed(broken)


def test_a_refusal_names_the_line() -> None:
    at = with_statement(b"VACUUM;")[: with_statement(b"VACUUM;").index(b"VACUUM;")].count(b"\n") + 1
    assert f"`VACUUM;` (line {at})" in refusal(with_statement(b"VACUUM;"))


def test_a_line_of_data_of_any_length_is_passed_on_in_pieces() -> None:
    line = b"1\t" + b"x" * 100_000 + b"\\.\t\n"
    dump = DUMP.replace(b"2\t;", line + b"2\t;", 1)
    text, _ = passed(dump, 1000)
    assert text == passed(dump)[0]
    assert line in text


def test_a_statement_that_never_ends_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST_KEPT_BYTES", 10_000)
    assert "longer than" in refusal(b"CREATE TABLE x (" + b"a int,\n" * 5000)
    assert "longer than" in refusal(b"CREATE TABLE x (" + b"a int," * 5000)


def test_noise_is_never_passed_on_as_a_dump() -> None:
    source = random.Random(7)  # noqa: S311 - the same noise each time
    for _ in range(300):
        noise = bytearray(DUMP)
        for _ in range(source.randint(1, 4)):
            noise[source.randrange(len(noise))] = source.choice(b"\\'\"$;/*-\n ")
        try:
            text, _ = passed(bytes(noise), source.choice([7, 64, 4096]))
        except OperationFailed:
            continue
        assert b"\n\\!" not in text
