"""Where a secret may come from: the variable itself, a file that `..._FILE` names, or a reference to AWS."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from bot.domain.errors import Misconfigured

AWS = ("aws-sm:", "aws-ssm:")
ENDING = "_FILE"


def is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def variable(name: str, field: FieldInfo) -> str:
    """The environment variable of a setting."""
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"TAKUMI_BOT_{name.upper()}"


class FileSource(PydanticBaseSettingsSource):
    """`DB_PASSWORD_FILE=/run/secrets/password`: for every setting that is a secret. Raises: Misconfigured."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._read(variable(field_name, field)), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(field, name)[0] for name, field in fields.items() if is_secret(field)}
        return {name: value for name, value in found.items() if value is not None}

    def _read(self, name: str) -> str | None:
        path = os.environ.get(f"{name}{ENDING}", "")
        if not path:
            return None
        if os.environ.get(name):
            raise Misconfigured(f"{name} and {name}{ENDING} are both set.", hint="Keep one of them.")
        try:
            return Path(path).read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            why = f"{name}{ENDING} names {path}, which cannot be read ({error.strerror})."
            raise Misconfigured(why, hint="Mend the path, or who may read it.") from error


def references(fields: Mapping[str, FieldInfo], given: Mapping[str, str]) -> dict[str, str]:
    """The secrets that are only named in the environment, by setting: `aws-sm:takumi/db#password`, `aws-ssm:/a/b`."""
    named = {name: given.get(variable(name, field), "") for name, field in fields.items() if is_secret(field)}
    return {name: value for name, value in named.items() if value.startswith(AWS)}
