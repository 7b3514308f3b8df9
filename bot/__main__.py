"""The command line: serve, migrate, run, approve, audit, doctor, demo, docs."""

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from bot import logs
from bot.app import Bot, Part, migrate_database, redactor_of
from bot.config import Settings, variable_of
from bot.domain.errors import BotError
from bot.slack.manifest import manifest as make_manifest
from bot.slack.manifest import to_yaml

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The Takumi maintenance bot.")


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
    await Bot(settings).serve(stop, only)


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


def _settings() -> Settings:
    try:
        return Settings()
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
