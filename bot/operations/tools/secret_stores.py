"""Secrets that AWS keeps: Secrets Manager and SSM's parameters. Wraps boto3, which blocks."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bot.domain.errors import Misconfigured

CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 3, "mode": "standard"})


def fetch(references: Mapping[str, str]) -> dict[str, str]:
    """The values of `aws-sm:NAME`, `aws-sm:NAME#KEY` (of a JSON object) and `aws-ssm:NAME`. Raises: Misconfigured."""
    return {setting: _value(reference) for setting, reference in references.items()}


def _value(reference: str) -> str:
    store, _, named = reference.partition(":")
    name, _, key = named.partition("#")
    try:
        return _from_manager(name, key) if store == "aws-sm" else _from_parameters(named)
    except (BotoCoreError, ClientError) as error:
        raise Misconfigured(
            f"AWS does not give out {reference}: {error}.",
            hint="The bot's role needs secretsmanager:GetSecretValue or ssm:GetParameter on it, and kms:Decrypt.",
        ) from error


def _from_manager(name: str, key: str) -> str:
    answer: dict[str, Any] = _client("secretsmanager").get_secret_value(SecretId=name)
    text = str(answer.get("SecretString", ""))
    return _of_object(text, name, key) if key else _kept(text, name)


def _from_parameters(name: str) -> str:
    answer: dict[str, Any] = _client("ssm").get_parameter(Name=name, WithDecryption=True)
    return _kept(str(answer["Parameter"]["Value"]), name)


def _of_object(text: str, name: str, key: str) -> str:
    """A key of the JSON object that a secret is. Never tells what the secret is."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(key), str):
        raise Misconfigured(f"AWS's secret {name} has no text under {key!r}.", hint="Look at its keys.")
    return _kept(found[key], name)


def _kept(text: str, name: str) -> str:
    if not text:
        raise Misconfigured(f"AWS's secret {name} is empty, or binary.", hint="Give it a text.")
    return text


def _client(service: str) -> Any:
    """Region and credentials by boto3's own search, such as the machine's role."""
    return boto3.session.Session().client(service, config=CONFIG)
