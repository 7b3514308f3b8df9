"""The command line: serve, migrate, run, approve, audit, doctor, demo, docs."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from bot import audit_cli, logs, running, terminal
from bot.app import Bot, redactor_of
from bot.catalog import load as load_catalog
from bot.config import Settings, variable_of
from bot.doctor import examine
from bot.doctor.adoption import adopting
from bot.doctor.words import machine_words, own_grants, platform_grants
from bot.domain.errors import BotError
from bot.domain.runs import RunState
from bot.installation import migrate_database
from bot.operations.forced import FOLDERS
from bot.reference import documents
from bot.rotation import read_settings
from bot.running import Part
from bot.services.terminal import Terminal
from bot.slack.manifest import manifest as make_manifest
from bot.slack.manifest import to_yaml

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The Takumi maintenance bot.")
app.add_typer(audit_cli.app, name="audit")


@app.command()
def serve(
    only: Annotated[list[Part] | None, typer.Option(help="Do only this part; may be given several times.")] = None,
) -> None:
    """Connect to Slack, work on runs, keep the calendar."""
    settings = _settings()
    logs.configure(settings.log_level, redactor_of(settings))
    _run(_serve(settings, only or []))


async def _serve(settings: Settings, only: list[Part]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    bot = Bot(settings)
    # This one learns the secrets that are read again later.
    logs.configure(settings.log_level, bot.redactor)
    await running.serve(bot, stop, only)


@app.command()
def migrate() -> None:
    """Bring the bot's database to this version's schema."""
    applied = _run(migrate_database(_settings()))
    typer.echo("\n".join(applied) if applied else "Nothing to do: the schema is this version's.")


@app.command()
def manifest(
    socket: Annotated[bool, typer.Option("--socket", help="For Socket Mode (the default).")] = False,  # noqa: ARG001 - says what is the default
    http: Annotated[str, typer.Option("--http", help="For HTTP mode: the public address of this bot.")] = "",
    name: Annotated[str, typer.Option(help="The app's name.")] = "Takumi",
    command: Annotated[str, typer.Option(help="The slash command.")] = "/takumi",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of YAML.")] = False,
) -> None:
    """Print the Slack app manifest for this version."""
    try:
        made = make_manifest("http" if http else "socket", url=http, name=name, command=command)
    except BotError as error:
        _stop_for(error)
    typer.echo(json.dumps(made, indent=2) if as_json else to_yaml(made), nl=as_json)


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line with every address when ready.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path(".demo"),
) -> None:
    """The whole product on this machine: platform, local workspace and bot."""
    try:
        from demo.conduct import main  # noqa: PLC0415 - the demo's packages are not part of the bot
    except ImportError as error:
        _stop(f"The demo's packages are not installed ({error.name}). Use `make demo`.")
    raise typer.Exit(main(folder, headless, as_json))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of lines.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what loses nothing: folders, modes, own schema.")] = False,
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Show the guide's lines of cron and what replaces them.")
    ] = False,
    take_over: Annotated[str, typer.Option(help="Switch off the lines of cron that do this schedule.")] = "",
    give_back: Annotated[str, typer.Option(help="Switch those lines on again.")] = "",
    early: Annotated[bool, typer.Option("--early", help="Take over without the week of observation.")] = False,
) -> None:
    """Look at everything the bot needs, and say what mends what is not well."""
    settings = _settings()
    redactor = redactor_of(settings)
    logs.configure("ERROR", redactor)
    if adopt or take_over or give_back:
        typer.echo(redactor.text(_run(adopting(settings, take_over, give_back, early=early))))
        return
    findings = _run(examine(settings, fix=fix))
    for finding in findings:
        typer.echo(redactor.text(json.dumps(finding.as_json()) if as_json else str(finding)))
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@app.command()
def grants(of: Annotated[Literal["own", "platform"], typer.Argument(help="Of which PostgreSQL.")]) -> None:
    """Print the SQL that makes the roles with the least rights, for an administrator's psql."""
    settings = _settings()
    try:
        typer.echo(own_grants(settings) if of == "own" else platform_grants(settings), nl=False)
    except BotError as error:
        _stop_for(error)


@app.command()
def executor(
    target: Annotated[str, typer.Argument(help="A target of TAKUMI_BOT_TARGETS that is reached by ssh.")],
    key: Annotated[Path, typer.Option("--key", help="The public key (.pub) that the bot comes with.")],
    folders: Annotated[str, typer.Option(help="Where that machine has its programs.")] = FOLDERS,
) -> None:
    """Print what a machine installs so that the bot may do this target's actions there, and nothing else."""
    try:
        typer.echo(machine_words(_settings(), target, key, folders), nl=False)
    except BotError as error:
        _stop_for(error)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The runbook, such as backup-database.")],
    words: Annotated[list[str] | None, typer.Argument(help="Its parameters: key=value.")] = None,
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be asked for.")] = False,
    account: terminal.Account = "",
    code: terminal.Code = "",
    wallet: terminal.Wallet = False,
    confirm: terminal.Confirm = "",
    glass: Annotated[str, typer.Option("--break-glass", help="Why glass is broken, in an open P0 or P1.")] = "",
) -> None:
    """Ask for a run without Slack."""
    given = tuple(words or ())
    if plan:
        terminal.show_plan(_at_terminal(lambda desk: desk.plan(name, given)))
        return
    who, asked = terminal.credentials(account, code, wallet=wallet), terminal.asked(confirm, glass)
    terminal.show_run(_at_terminal(lambda desk: desk.request(who, name, given, asked)))


@app.command()
def approve(
    number: int, account: terminal.Account = "", code: terminal.Code = "", wallet: terminal.Wallet = False
) -> None:
    """Approve a request."""
    who = terminal.credentials(account, code, wallet=wallet)
    typer.echo(_at_terminal(lambda desk: desk.approve(who, number)))


@app.command()
def deny(
    number: int,
    reason: str,
    account: terminal.Account = "",
    code: terminal.Code = "",
    wallet: terminal.Wallet = False,
) -> None:
    """Deny a request, with the reason."""
    who = terminal.credentials(account, code, wallet=wallet)
    typer.echo(_at_terminal(lambda desk: desk.deny(who, number, reason)))


@app.command()
def cancel(
    number: int, account: terminal.Account = "", code: terminal.Code = "", wallet: terminal.Wallet = False
) -> None:
    """Cancel a waiting run, or ask a running one to stop."""
    who = terminal.credentials(account, code, wallet=wallet)
    typer.echo(_at_terminal(lambda desk: desk.cancel(who, number)))


@app.command()
def undo(
    number: int,
    account: terminal.Account = "",
    code: terminal.Code = "",
    wallet: terminal.Wallet = False,
    confirm: terminal.Confirm = "",
) -> None:
    """Ask for the undoing of a run that succeeded."""
    who, asked = terminal.credentials(account, code, wallet=wallet), terminal.asked(confirm)
    terminal.show_run(_at_terminal(lambda desk: desk.undo(who, number, asked)))


@app.command()
def runs(limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20) -> None:
    """List the latest runs."""
    for found in _at_terminal(lambda desk: desk.runs.recent(limit)):
        typer.echo(terminal.line_of(found))


@app.command()
def show(number: int, follow: Annotated[bool, typer.Option("--follow", help="Until it has ended.")] = False) -> None:
    """Show a run; the exit code of `--follow` says whether it succeeded."""
    if not follow:
        terminal.show_run(_at_terminal(lambda desk: desk.runs.find(number)))
        return
    ended = _at_terminal(lambda desk: terminal.follow(desk, number))
    terminal.show_run(ended)
    raise typer.Exit(0 if ended.state is RunState.SUCCEEDED else 1)


def _at_terminal(act: Callable[[Terminal], Coroutine[Any, Any, T]]) -> T:
    settings = _settings()
    logs.configure("ERROR", redactor_of(settings))

    async def work() -> T:
        async with terminal.at_work(Bot(settings)) as desk:
            return await act(desk)

    return _run(work())


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a file is behind the code.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the documents are.")] = Path("docs"),
) -> None:
    """Write the documents that are made from the code."""
    made = documents(load_catalog(), Settings.model_fields, variable_of, folder)
    behind = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and behind:
        _stop(f"Behind the code: {', '.join(map(str, behind))}. Run `python -m bot docs`.")
    for path in behind:
        path.write_text(made[path], encoding="utf-8")
        typer.echo(f"wrote {path}")


def _settings() -> Settings:
    try:
        return read_settings()
    except BotError as error:
        _stop_for(error)
    except ValidationError as error:
        lines = [f"{_variable(item['loc'])}: {item['msg']}" for item in error.errors()]
        _stop("The configuration is not complete:\n  " + "\n  ".join(lines) + "\nSee docs/operations.md.")


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    return variable_of(name) if name in Settings.model_fields else name


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        known = group.subgroup(BotError)
        if known is None:
            raise
        _stop_for(_first(known))
    except BotError as error:
        _stop_for(error)


def _first(group: BaseExceptionGroup[BotError]) -> BotError:
    first: Any = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _stop_for(error: BotError) -> NoReturn:
    _stop(f"{error} {error.hint}".strip())


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
