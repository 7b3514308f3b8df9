"""The command line's half that asks and decides: run, approve, deny, cancel, undo, runs, show."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import typer

from bot.app import Bot
from bot.domain.people import ENGINE
from bot.domain.plans import Plan
from bot.domain.runs import Origin, Run
from bot.installation import foreign_schemas
from bot.running import Running
from bot.services.directory import SlackOrLists, StaticLists
from bot.services.enrolment_documents import CAST, signable
from bot.services.runs import Asked
from bot.services.terminal import Credentials, Terminal
from bot.stores.migrate import check_schema

LOOK_AGAIN_SECONDS = 1.0

Account = Annotated[str, typer.Option("--as", envvar="TAKUMI_AS", help="Who you say you are: slack:<team>:<user>.")]
Code = Annotated[str, typer.Option("--code", help="The code that your app shows; asked for when it is missing.")]
Wallet = Annotated[bool, typer.Option("--wallet", help="Prove yourself by your wallet's signature instead.")]
Confirm = Annotated[str, typer.Option("--confirm", help="The target's name; for production.")]


@asynccontextmanager
async def at_work(bot: Bot) -> AsyncIterator[Terminal]:
    """The bot's services on its database, with static lists for people when Slack cannot be reached."""
    await bot.pool.open()
    try:
        await check_schema(bot.pool, foreign_schemas())
        await bot.own_store.publish_key()
        services = Running(bot, await bot.toolbox()).services
        directory = SlackOrLists(bot.chat, StaticLists(bot.settings.roles))
        approvals = replace(services.approvals, chat=directory)
        runs = replace(services.runs, approvals=approvals)
        yield Terminal(runs, approvals, bot.proofs(), bot.settings.channel)
    finally:
        await bot.pool.close()


def credentials(account: str, code: str, *, wallet: bool) -> Credentials:
    """What was given, and what has to be asked for."""
    if wallet:
        return Credentials(account, sign=ask_signature)
    return Credentials(account, code or str(typer.prompt("Code", hide_input=True)))


def ask_signature(typed: Mapping[str, Any]) -> str:
    typer.echo(
        f"Save this as request.json, sign it with\n{CAST}\nand paste the signature.\n{signable(typed)}", err=True
    )
    return str(typer.prompt("Signature"))


def asked(confirm: str, glass: str = "") -> Asked:
    """Each call of the command line is a request of its own."""
    return Asked(f"terminal:{uuid4().hex}", ENGINE, Origin(), confirm=confirm, glass=glass)


def show_plan(plan: Plan) -> None:
    described = plan.described()
    typer.echo(f"{plan.summary} ({plan.environment})")
    for number, step in enumerate(described["steps"], 1):
        typer.echo(f"  {number}. {step['title']}: {step['do']}")
    typer.echo(json.dumps({"bound": described["bound"]}, default=str, indent=1))
    for warning in plan.warnings:
        typer.echo(f"Warning: {warning}")


def line_of(run: Run) -> str:
    ended = f" ({run.failure})" if run.failure else ""
    return f"{run.number:>5}  {run.state.value:<11}  {run.title}  by {run.requester}{ended}"


def show_run(run: Run) -> None:
    typer.echo(line_of(run))
    for row in run.steps:
        typer.echo(f"       {row.state.value:<9}  {row.title}  {row.note}".rstrip())
    if run.hint:
        typer.echo(f"       Next: {run.hint}")


async def follow(terminal: Terminal, number: int) -> Run:
    """Print what changes until the run has ended."""
    said = ""
    while True:
        run = await terminal.runs.find(number)
        steps = ", ".join(f"{row.title} {row.state.value} {row.note}".strip() for row in run.steps)
        if said != (said := f"{run.state.value}: {steps}"):
            typer.echo(said)
        if run.state.is_final:
            return run
        sys.stdout.flush()
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
