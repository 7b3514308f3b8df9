"""`/takumi audit`: narrowed, page by page, and only one's own for who fills no role."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.audit import Verb
from bot.domain.commands import Request
from bot.domain.documents import Note, Table
from bot.domain.errors import Refused, RequestError
from bot.domain.people import Actor, Person
from bot.domain.runs import Origin
from bot.services.registry import Places, Services
from bot.services.trail import Trail
from commands.audit import ReadAudit, read
from tests.approving import AIKO, EMI, PEOPLE, World
from tests.builders import an_entry

GUEST = Person("UNOBODY", "T1", "Nobody in particular")


def services_of(world: World) -> Services:
    """Only what the command uses."""
    unused: dict[str, Any] = {one.name: None for one in fields(Services)}
    used = {"store": world.store, "runs": world.runs, "approvals": world.approvals, "trail": Trail(world.store)}
    return Services(**unused | used | {"places": Places("/takumi", ("C1",))})


async def shown(world: World, asker: Person = PEOPLE["UAIKO"], **asked: Any) -> tuple[list[str], str]:
    """What the entries are about, newest first, and where the older ones are."""
    actor = replace(AIKO, principal=f"slack:T1:{asker.slack_user}", slack_user=asker.slack_user)
    request = Request("i1", actor, asker, Origin("C1"), "audit", ReadAudit(**asked))
    parts = (await read(request, services_of(world))).document.parts
    rows = [row for part in parts if isinstance(part, Table) for row in part.rows]
    notes = [part.text for part in parts if isinstance(part, Note)]
    return [row[4] for row in rows], " ".join(notes)


async def record(world: World, *subjects: str, actor: Actor = EMI, **values: Any) -> None:
    async with world.store.work() as work:
        for subject in subjects:
            await work.audit.record(an_entry(subject=subject, actor=actor, verb=Verb.COMMAND_RECEIVED, **values))


async def test_a_page_says_where_the_next_one_begins() -> None:
    world = World()
    await record(world, "a", "b", "c")
    first, more = await shown(world, limit=2)
    rest, _ = await shown(world, before=int(more.rpartition("=")[2]))
    assert (first, rest) == (["c", "b"], ["a"])


async def test_since_takes_moments_as_people_type_them() -> None:
    world = World()
    await record(world, "long ago")
    world.passed = timedelta(hours=5)
    await record(world, "just now")
    assert (await shown(world, since="4h"))[0] == ["just now"]
    assert (await shown(world, since="6h"))[0] == ["just now", "long ago"]
    with pytest.raises(RequestError, match="still to come"):
        await shown(world, since="2999-01-01")


async def test_entries_are_narrowed_to_a_run_a_person_and_a_target() -> None:
    world = World()
    run = await world.ask()
    await record(world, "backups", run=run.id)
    await record(world, "elsewhere", actor=AIKO)
    assert set((await shown(world, run=run.number))[0]) == {run.runbook, "backups"}
    for person in ("<@UEMI>", "<@UEMI|emi>", EMI.principal):
        assert (await shown(world, person=person))[0] == ["backups"]
    assert (await shown(world, target="elsewhere"))[0] == ["elsewhere"]
    with pytest.raises(RequestError, match="no run 99"):
        await shown(world, run=99)


async def test_who_fills_no_role_sees_what_they_did_themselves_and_nothing_else() -> None:
    world = World()
    await record(world, "what Emi did")
    await record(world, "what the guest did", actor=replace(AIKO, principal="slack:T1:UNOBODY"))
    assert (await shown(world, GUEST))[0] == ["what the guest did"]
    with pytest.raises(Refused, match="fill a role"):
        await shown(world, GUEST, person=EMI.principal)
