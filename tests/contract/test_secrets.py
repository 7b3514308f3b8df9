"""Secrets from variables, files and AWS; AWS is moto's imitation in this process (labelled: no account here)."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bot.config import Settings, variable_of
from bot.config.secrets import references
from bot.domain.errors import Misconfigured
from bot.domain.redaction import MARK, Redactor
from bot.installation import platform_of
from bot.operations.tools.access import OwnDatabase
from bot.operations.tools.toolbox import Toolbox
from bot.rotation import ROTATING, Rotation, read_settings

REQUIRED = {
    "TAKUMI_BOT_DATABASE_URL": "postgresql://bot:own-password@127.0.0.1/bot",
    "TAKUMI_BOT_SLACK_BOT_TOKEN": "xoxb-first-token",
    "TAKUMI_BOT_CHANNEL": "C0ALERTS01",
}
AWS = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(autouse=True)
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)
    for name, value in (REQUIRED | AWS).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def imitation() -> Iterator[None]:
    with mock_aws():
        yield


def test_a_file_gives_a_secret_whatever_its_variable_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DB_PASSWORD", "TAKUMI_BOT_SLACK_APP_TOKEN"):
        (tmp_path / variable).write_text(f"from the file of {variable}\n", encoding="utf-8")
        monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / variable))
    settings = read_settings()
    assert settings.db_password.get_secret_value() == "from the file of DB_PASSWORD"
    assert settings.slack_app_token is not None
    assert settings.slack_app_token.get_secret_value() == "from the file of TAKUMI_BOT_SLACK_APP_TOKEN"


def test_a_file_that_is_not_there_and_a_secret_given_twice_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD_FILE", str(tmp_path / "nothing"))
    with pytest.raises(Misconfigured, match=r"DB_PASSWORD_FILE names .* which cannot be read"):
        read_settings()
    monkeypatch.setenv("DB_PASSWORD", "again")
    with pytest.raises(Misconfigured, match="are both set"):
        read_settings()


def test_a_setting_that_is_no_secret_has_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_NAME_FILE", str(tmp_path / "nothing"))
    assert read_settings().db_name == "takumi"


@pytest.mark.usefixtures("imitation")
def test_aws_gives_whole_secrets_keys_of_objects_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("secretsmanager").create_secret(Name="takumi/db", SecretString='{"password": "from the manager"}')
    boto3.client("secretsmanager").create_secret(Name="takumi/slack", SecretString="xoxb-from-the-manager")
    boto3.client("ssm").put_parameter(Name="/takumi/redis", Value="redis://from-ssm", Type="SecureString")
    monkeypatch.setenv("DB_PASSWORD", "aws-sm:takumi/db#password")
    monkeypatch.setenv("TAKUMI_BOT_SLACK_BOT_TOKEN", "aws-sm:takumi/slack")
    monkeypatch.setenv("TAKUMI_BOT_REDIS_URL", "aws-ssm:/takumi/redis")
    settings = read_settings()
    assert settings.db_password.get_secret_value() == "from the manager"
    assert settings.slack_bot_token.get_secret_value() == "xoxb-from-the-manager"
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://from-ssm"


@pytest.mark.usefixtures("imitation")
@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("aws-sm:takumi/nothing", "AWS does not give out aws-sm:takumi/nothing: .*ResourceNotFound"),
        ("aws-ssm:/nothing", "AWS does not give out aws-ssm:/nothing: .*ParameterNotFound"),
        ("aws-sm:takumi/db#user", "has no text under 'user'"),
    ],
)
def test_what_aws_does_not_have_stops_the_start_and_the_secret_is_not_told(
    monkeypatch: pytest.MonkeyPatch, named: str, why: str
) -> None:
    boto3.client("secretsmanager").create_secret(Name="takumi/db", SecretString='{"password": "hush-hush"}')
    monkeypatch.setenv("DB_PASSWORD", named)
    with pytest.raises(Misconfigured, match=why) as caught:
        read_settings()
    assert "hush-hush" not in str(caught.value)


def test_only_secrets_may_be_named_by_reference() -> None:
    assert references(Settings.model_fields, {"DB_NAME": "aws-sm:a", "DB_PASSWORD": "aws-sm:b"}) == {
        "db_password": "aws-sm:b"
    }


def rotation(tokens: list[str]) -> Rotation:
    settings = read_settings()
    toolbox = Toolbox(platform_of(settings, OwnDatabase("1", "bot")))
    return Rotation(settings, toolbox, Redactor(settings.secrets()), tokens.append)


async def test_a_changed_file_is_taken_by_later_steps_and_known_as_a_secret_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password, token = tmp_path / "password", tmp_path / "token"
    password.write_text("old-password", encoding="utf-8")
    token.write_text("xoxb-old-token-1", encoding="utf-8")
    monkeypatch.setenv("DB_PASSWORD_FILE", str(password))
    monkeypatch.delenv("TAKUMI_BOT_SLACK_BOT_TOKEN")
    monkeypatch.setenv("TAKUMI_BOT_SLACK_BOT_TOKEN_FILE", str(token))
    tokens: list[str] = []
    rotating = rotation(tokens)
    begun = rotating.toolbox.for_look_up()
    assert await rotating.look() == ()
    password.write_text("new-password", encoding="utf-8")
    token.write_text("xoxb-new-token-2", encoding="utf-8")
    assert await rotating.look() == ("db_password", "slack_bot_token")
    assert tokens == ["xoxb-new-token-2"]
    assert login_of(rotating.toolbox.for_look_up()) == "new-password"
    assert login_of(begun) == "old-password"
    assert rotating.redactor.text("old-password new-password") == f"{MARK} {MARK}"
    assert await rotating.look() == ()


def login_of(tools: Any) -> str:
    return str(tools.database("").login.password.get_secret_value())


async def test_a_file_that_cannot_be_read_for_a_moment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = tmp_path / "password"
    password.write_text("old-password", encoding="utf-8")
    monkeypatch.setenv("DB_PASSWORD_FILE", str(password))
    rotating = rotation([])
    password.unlink()
    assert await rotating.look() == ()
    assert login_of(rotating.toolbox.for_look_up()) == "old-password"


async def test_a_hangup_makes_it_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    password = tmp_path / "password"
    password.write_text("old-password", encoding="utf-8")
    monkeypatch.setenv("DB_PASSWORD_FILE", str(password))
    rotating, stop = rotation([]), asyncio.Event()
    running = asyncio.create_task(rotating.run(stop, timedelta(hours=1)))
    await asyncio.sleep(0)
    password.write_text("new-password", encoding="utf-8")
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(30):
        while login_of(rotating.toolbox.for_look_up()) != "new-password":  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
        stop.set()
        await running


def test_what_rotates_is_secret_and_exists() -> None:
    assert set(ROTATING) <= set(Settings.model_fields)
