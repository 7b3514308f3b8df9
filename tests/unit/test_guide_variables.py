"""The guide's own variables mean what they mean in its scripts: each reaches the place where it counts."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.config import Settings
from bot.domain.errors import Misconfigured
from bot.installation import platform_of
from bot.operations.tools.access import OwnDatabase, Platform
from bot.operations.tools.objects import client_of

OWN = OwnDatabase("1", "takumi_bot")
NEEDED = {"database_url": "postgresql://bot@db/bot", "channel": "C1", "slack_bot_token": "xoxb-made-up"}


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Platform]:
    """The platform that an environment with these variables makes."""

    def made(**variables: str) -> Platform:
        keys = {"TAKUMI_BOT_S3_ACCESS_KEY_ID": "made-up", "TAKUMI_BOT_S3_SECRET_ACCESS_KEY": "made-up"}
        for name, value in {**keys, **variables}.items():
            monkeypatch.setenv(name, value)
        return platform_of(Settings(**NEEDED, environment="demo"), OWN)  # type: ignore[arg-type]

    return made


@pytest.mark.parametrize(
    ("variable", "value", "where", "meant"),
    [
        ("BACKUP_DIR", "/custom/path", lambda p: p.backups.folder, Path("/custom/path")),
        ("RETENTION_DAYS", "60", lambda p: p.backups.retention, timedelta(days=60)),
        ("DB_NAME", "takumi_test", lambda p: p.default_database, "takumi_test"),
        ("CLOUD_BACKUP", "true", lambda p: p.backups.cloud, True),
        ("CLOUD_BACKUP", "false", lambda p: p.backups.cloud, False),
        ("CLOUD_BACKUP", "", lambda p: p.backups.cloud, False),
        ("S3_BUCKET", "takumi-backups", lambda p: p.backups.bucket, "takumi-backups"),
        ("S3_REGION", "eu-central-1", lambda p: client_of(p.backups).meta.region_name, "eu-central-1"),
    ],
)
def test_a_variable_of_the_guide_is_honoured(
    platform: Callable[..., Platform], variable: str, value: str, where: Callable[[Platform], Any], meant: Any
) -> None:
    assert where(platform(**{variable: value})) == meant


def test_without_them_the_guides_own_values_hold(
    platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BACKUP_DIR", "RETENTION_DAYS", "DB_NAME", "CLOUD_BACKUP", "S3_BUCKET", "S3_REGION"):
        monkeypatch.delenv(name, raising=False)
    found = platform()
    assert (found.backups.folder, found.backups.retention) == (
        Path("/var/backups/takumi/database"),
        timedelta(days=30),
    )
    assert (found.default_database, found.backups.cloud, found.backups.bucket) == ("takumi", False, "")


@pytest.mark.parametrize("days", ["0", "-1", "many", "4000"])
def test_a_retention_that_would_delete_everything_or_nothing_stops_the_start(
    platform: Callable[..., Platform], days: str
) -> None:
    with pytest.raises(ValidationError):
        platform(RETENTION_DAYS=days)


def test_the_rules_of_proofs_are_read_and_what_cannot_be_read_stops_the_start(
    platform: Callable[..., Platform],
) -> None:
    rules = platform(
        TAKUMI_BOT_PROOF_DATABASE_URL="postgresql://prover:p%40ss@proofs.internal:5433/scratch",
        TAKUMI_BOT_PROOF_HOURS="sat-sun 01:00-05:00",
        TAKUMI_BOT_PROOF_MOST_GB="80",
        TAKUMI_BOT_PROOF_MB_PER_SECOND="20",
    ).proofs
    assert rules.server is not None
    assert (rules.server.address, rules.server.maintenance_database) == ("proofs.internal:5433", "scratch")
    assert rules.server.login.password.get_secret_value() == "p@ss"
    assert (str(rules.hours), rules.most_bytes, rules.bytes_per_second) == (
        "sat, sun 01:00-05:00 UTC",
        80 * 10**9,
        20 * 10**6,
    )
    assert platform(TAKUMI_BOT_PROOF_HOURS="").proofs.hours is None
    with pytest.raises(Misconfigured, match="TAKUMI_BOT_PROOF_HOURS"):
        platform(TAKUMI_BOT_PROOF_HOURS="at night")
    with pytest.raises(Misconfigured, match="TAKUMI_BOT_PROOF_DATABASE_URL") as refused:
        platform(TAKUMI_BOT_PROOF_HOURS="", TAKUMI_BOT_PROOF_DATABASE_URL="s3cret@nowhere")
    assert "s3cret" not in str(refused.value)
