"""Things to test with; every builder makes a new one, and takes what the test is about as keywords."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.approvals import Decision, Verdict
from bot.domain.audit import Entry, Verb
from bot.domain.backups import Backup
from bot.domain.backups import Verdict as BackupVerdict
from bot.domain.people import Actor, Role, Surface
from bot.domain.risk import Risk
from bot.domain.runs import Origin, Run, RunState, StepRow
from bot.services.rows import Delivery, DeliveryKind

AN_INSTANT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def a_run(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "number": 0,
        "runbook": "backup_database",
        "title": "Back up the database",
        "params": {"database": "takumi"},
        "facts": {"system_identifier": "7300000000000000001", "share": 0.1},
        "described": {"steps": []},
        "digest": "d" * 64,
        "definition": "f" * 64,
        "risk": Risk.ROUTINE,
        "environment": "demo",
        "state": RunState.APPROVED,
        "requester": "slack:T1:U1",
        "requester_slack": "U1",
        "origin": Origin("C1", "1.2"),
        "steps": (StepRow("dump", "Dump"), StepRow("upload", "Upload")),
        "created_at": AN_INSTANT,
        "card": {"shown": [["Rows now", 3.0, 0.1]], "warnings": []},
        "expires_at": AN_INSTANT + timedelta(days=3650),
    }
    return Run(**values | changes)


def a_decision(run: Run, **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "run": run.id,
        "digest": run.digest,
        "approver": "slack:T1:U2",
        "slack_user": "U2",
        "role": Role.TEAM_LEAD,
        "verdict": Verdict.APPROVED,
    }
    return Decision(**values | changes)


def an_entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "actor": Actor("slack:T1:U1", Surface.SLACK, "U1"),
        "verb": Verb.RUN_REQUESTED,
        "subject": "backup_database",
    }
    return Entry(**values | changes)


def a_backup(**changes: Any) -> Backup:
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "run": "r1",
        "database": "takumi",
        "folder": "/var/backups",
        "file": "takumi_db_20261124_020000.sql.gz",
        "size_bytes": 5_000_000_000,
        "sha256": "a" * 64,
        "taken_at": AN_INSTANT,
        "expires_at": AN_INSTANT + timedelta(days=30),
        "verdict": BackupVerdict.PROVEN,
        "tables": 7,
        "rows": 3_000_000_000,
        "bucket": "takumi-backups",
        "object_key": "daily/takumi_db_20261124_020000.sql.gz",
        "took": timedelta(seconds=3.5),
        "manifest": {"version": 1, "tables": {"public.profiles": {"rows": 3}}},
    }
    return Backup(**values | changes)


def a_delivery(key: str = "", **payload: Any) -> Delivery:
    return Delivery(DeliveryKind.COMMAND, key or uuid.uuid4().hex, payload or {"command": "/takumi"})
