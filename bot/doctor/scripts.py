"""SQL that makes the roles with the least rights, for an administrator's psql; it holds verifiers, no passwords."""

import secrets
import shlex
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.domain.errors import Misconfigured
from bot.domain.scram import verifier
from bot.operations.tools.access import DatabaseAccess, Login, Platform
from bot.operations.tools.sessions import literal, quoted

HEAD = "\\set ON_ERROR_STOP on\n"


def own_script(owner: str, *others: str) -> str:
    """For an empty PostgreSQL of the bot's own: its roles and its database, from their URLs. Raises: Misconfigured."""
    logins = [_login(url) for url in (owner, *others)]
    database = urlsplit(owner).path.strip("/")
    if not database:
        raise Misconfigured(
            "TAKUMI_BOT_MIGRATE_DATABASE_URL names no database.", hint="Write .../takumi_bot at its end."
        )
    name, first = quoted(database), logins[0]
    roles = "".join(_role(login) for login in logins)
    users = ", ".join(quoted(login.user) for login in logins[1:])
    return (
        f"-- The bot's own PostgreSQL: what each role is for is in docs/operations.md.\n{HEAD}{roles}"
        f"{_unless('pg_database', 'datname', database, f'CREATE DATABASE {name} OWNER {quoted(first.user)}')}"
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;\n"
        f"GRANT CONNECT ON DATABASE {name} TO {users};\n"
        f"\\connect {name}\n"
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;\n"
        f"GRANT ALL ON SCHEMA public TO {quoted(first.user)};\n"
    )


def platform_script(platform: Platform) -> str:
    """For the platform's PostgreSQL: the maintenance role and what it needs on databases that are there.

    The application's databases and roles are left as they are; only a missing staging database is made, with the
    owner of the one that is looked after. Raises: Misconfigured for a password that cannot be told as a verifier.
    """
    first, *others = platform.databases
    role = quoted(first.login.user)
    return (
        f"-- The platform's PostgreSQL at {first.address}: no superuser, no replication, no files, no roles.\n{HEAD}"
        f"{_must_be_there(first)}{_role(first.login)}"
        f"{''.join(_made_beside(other, first) for other in others)}"
        f"ALTER ROLE {role} CREATEDB;\n"
        f"GRANT pg_signal_backend, pg_read_all_stats TO {role};\n"
        f"{_memberships(platform.databases)}{_restorer(first)}"
    )


def _login(url: str) -> Login:
    parts = urlsplit(url)
    return Login(unquote(parts.username or ""), SecretStr(unquote(parts.password or "")))


def _role(login: Login) -> str:
    """A role that is there keeps its password."""
    secret = literal(verifier(login.password.get_secret_value(), secrets.token_bytes(16)))
    made = f"CREATE ROLE {quoted(login.user)} LOGIN PASSWORD {secret}"
    return _unless("pg_roles", "rolname", login.user, made)


def _unless(catalog: str, column: str, name: str, statement: str) -> str:
    exists = f"EXISTS (SELECT FROM {catalog} WHERE {column} = {literal(name)})"
    return f"SELECT {literal(statement)} WHERE NOT {exists} \\gexec\n"


def _must_be_there(access: DatabaseAccess) -> str:
    """A database that is looked after is never made by the doctor: a name that is wrong would look right then."""
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal(access.name)}) THEN "
        f"RAISE 'there is no database {access.name}: mend DB_NAME'; END IF; END $$;\n"
    )


def _made_beside(access: DatabaseAccess, first: DatabaseAccess) -> str:
    name, other = literal(access.name), literal(first.name)
    return (
        f"SELECT format('CREATE DATABASE %I OWNER %I', {name}, pg_get_userbyid(datdba)) FROM pg_database "  # noqa: S608
        f"WHERE datname = {other} AND NOT EXISTS (SELECT FROM pg_database WHERE datname = {name}) \\gexec\n"
    )


def _memberships(databases: Iterable[DatabaseAccess]) -> str:
    """Of each database's owner, whoever that is; and the right to connect."""
    return "".join(
        f"SELECT format('GRANT %I TO %I', pg_get_userbyid(datdba), {literal(access.login.user)}) FROM pg_database "  # noqa: S608
        f"WHERE datname = {literal(access.name)} AND pg_get_userbyid(datdba) <> {literal(access.login.user)} \\gexec\n"
        f"GRANT CONNECT ON DATABASE {quoted(access.name)} TO {quoted(access.login.user)};\n"
        for access in databases
    )


def _restorer(access: DatabaseAccess) -> str:
    if access.restorer is None:
        return ""
    return f"{_role(access.restorer)}GRANT {quoted(access.restorer.user)} TO {quoted(access.login.user)};\n"


def psql_at(host: str, port: int) -> str:
    """Psql as the server's administrator, who is asked for their password."""
    where = ("--host", host, "--port", str(port), "--username", "postgres", "--dbname", "postgres")
    return shlex.join(("psql", "--no-psqlrc", "--quiet", *where))


def psql_of(url: str) -> str:
    """The same, for the server of a URL, without what the URL keeps secret."""
    parts = urlsplit(url)
    return psql_at(parts.hostname or "localhost", parts.port or 5432)
