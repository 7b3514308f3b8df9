"""What a dump of a database lacks for an empty server: roles without passwords, and the database's own properties."""

from bot.domain.errors import OperationFailed
from bot.operations.files import BackupFiles, in_thread, sha256_of, write_durably
from bot.operations.looking import DatabaseFacts
from bot.operations.properties import Properties, properties_of, property_statements
from bot.operations.scratch import KIND
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.processes import must_succeed, run
from bot.operations.tools.programs import Programs
from bot.operations.tools.sessions import NO_ANSWER, quoted
from bot.operations.tools.toolbox import StepTools

ARGUMENTS = ("--globals-only", "--no-role-passwords")
MOST_BYTES = 16 << 20


async def dump_roles(tools: StepTools, access: DatabaseAccess, database: DatabaseFacts, files: BackupFiles) -> str:
    """Write the roles file beside the dump; answers its sha256.

    Where the server does not give its roles away, the file says so in place of them. Raises: OperationFailed.
    """
    programs = await tools.programs(database.server_major)
    roles = await _roles(tools, access, programs)
    async with tools.session(access) as session:
        kind = str(await session.value(KIND))
        properties = await properties_of(session, database.name)
    await in_thread(write_durably, files.roles, f"{roles}\n{created(database.name, kind, properties)}")
    return await in_thread(sha256_of, files.roles)


async def _roles(tools: StepTools, access: DatabaseAccess, programs: Programs) -> str:
    """What pg_dumpall says of the cluster, or a comment with why it says nothing."""
    if not programs.path("pg_dumpall").is_file():
        return f"-- NO ROLES: pg_dumpall {programs.version} is missing on the bot's machine\n"
    command = tools.command(access, "pg_dumpall", programs, ARGUMENTS, database=access.maintenance_database)
    ended = await run(command, drain=_whole)
    try:
        must_succeed(command, ended)
    except OperationFailed as error:
        if error.facts.get("sqlstate") == NO_ANSWER:
            raise
        return f"-- NO ROLES: {str(error).splitlines()[0]}\n"
    return str(ended.drained)


def _whole(source: int) -> str:
    """All of it: what `run` keeps by itself has a hole in the middle when it is long."""
    with open(source, "rb", closefd=False) as pipe:
        return pipe.read(MOST_BYTES).decode()


def created(name: str, kind: str, properties: Properties) -> str:
    """The statements that make the empty database as it was, but for its tablespace."""
    like = kind.partition(" TABLESPACE ")[0]
    create = f"CREATE DATABASE {quoted(name)} OWNER {quoted(properties.owner)} TEMPLATE template0 {like}"
    lines = [create, *property_statements(properties, name)]
    return "-- The database itself\n" + "".join(f"{line};\n" for line in lines)
