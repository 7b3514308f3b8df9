"""A worker killed between the commit and the reply: its successor finds the row, and says what is so."""

import asyncio
import signal
import sys
from datetime import timedelta

import pytest

from bot.domain.audit import Verb
from bot.domain.documents import Document
from bot.domain.runs import Origin, Run, RunState
from bot.services import sweeping
from bot.services.rows import AuditQuery, Delivery, DeliveryKind, Job
from bot.services.runs import Asked
from bot.services.sweeping import sweep
from bot.stores.postgres import PostgresStore
from tests.approving import AIKO
from tests.fakes import FakeChat, Nothing
from tests.integration.answering import Office
from tests.stores import BotDatabase, rows

CASES = {
    "approve": ("action", "run.approve", "UEMI", RunState.APPROVED, Verb.APPROVAL_GIVEN, "is approved and starts now"),
    "deny": ("submission", "run.deny", "UEMI", RunState.REFUSED, Verb.APPROVAL_DENIED, "is denied; nothing was done"),
    "cancel": ("action", "run.cancel", "UAIKO", RunState.CANCELLED, Verb.RUN_CANCELLED, "is cancelled; nothing was"),
}


async def clicked(store: PostgresStore, run: Run, kind: str, action: str, user: str) -> str:
    payload = {"kind": kind, "action": action, "user": user, "team": "T1", "channel": "C1", "value": run.id}
    payload |= {"response_url": "https://respond", "values": {"reason": "no"}}
    inbox_id, _ = await store.receive(Delivery(DeliveryKind(kind), f"click-{run.id}", payload))
    return inbox_id


async def killed_after_its_commit(database: BotDatabase, inbox_id: str) -> None:
    """A real process, and a real SIGKILL, at exactly that point."""
    arguments = [sys.executable, "-m", "tests.integration.answering", database.url, inbox_id]
    worker = await asyncio.create_subprocess_exec(*arguments)
    assert await worker.wait() == -signal.SIGKILL


async def claim_runs_out(database: BotDatabase, inbox_id: str) -> None:
    """As time would have it: nobody renews the claim of a dead worker."""
    await rows(database.owner_url, "UPDATE inbox SET claimed_until = 'epoch' WHERE id = %s RETURNING 1", inbox_id)


@pytest.mark.parametrize("case", CASES)
async def test_whoever_takes_the_request_up_finds_it_done_and_says_so(
    postgres_store: PostgresStore, migrated: BotDatabase, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, action, user, state, verb, said = CASES[case]
    office = Office(postgres_store, FakeChat(), "its successor")
    run = await office.runs.request("try-a-thing", Nothing(), Asked("asked", AIKO, Origin("C1")))
    inbox_id = await clicked(postgres_store, run, kind, action, user)
    await killed_after_its_commit(migrated, inbox_id)
    async with postgres_store.work() as work:
        stored = await work.runs.get(run.id)
    assert stored is not None
    assert stored.state is state, "it has counted, and nobody was told"
    await office.requests.work(inbox_id)
    assert office.chat.responses == [], "the dead worker's claim still stands"
    await claim_runs_out(migrated, inbox_id)
    await rows(migrated.owner_url, "DELETE FROM procrastinate_jobs RETURNING 1")  # its wake-up went with the worker
    monkeypatch.setattr(sweeping, "OLDER_THAN", timedelta())
    await sweep(postgres_store, Job.WORK_INBOX, office.requests.work)
    ((_, told),) = office.chat.responses
    assert isinstance(told, Document)
    assert said in told.summary
    async with postgres_store.work() as work:
        verbs = [one.entry.verb for one in await work.audit.find(AuditQuery(run=run.id, limit=90))]
        every = [one.entry.verb for one in await work.audit.find(AuditQuery(limit=90))]
    assert verbs.count(verb) == 1
    assert Verb.APPROVAL_REFUSED not in every
    assert Verb.COMMAND_REFUSED not in every
