"""Settings from the environment; the bot's own have the prefix TAKUMI_BOT_, the guide's keep their names."""

from pydantic import AliasChoices, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.config.adoption import AdoptionSettings
from bot.config.backups import BackupSettings
from bot.config.own import OwnSettings
from bot.config.platform import PlatformSettings
from bot.config.point_in_time import PointInTimeSettings
from bot.config.rules import RuleSettings
from bot.config.slack import SlackMode, SlackSettings
from bot.config.targets import TargetSettings

__all__ = ["Settings", "SlackMode", "variable_of"]


class Settings(
    AdoptionSettings,
    TargetSettings,
    BackupSettings,
    PointInTimeSettings,
    PlatformSettings,
    SlackSettings,
    RuleSettings,
    OwnSettings,
    BaseSettings,
):
    """Every setting of the bot. Raises: pydantic.ValidationError naming the variable that is wrong."""

    model_config = SettingsConfigDict(env_prefix="TAKUMI_BOT_", frozen=True, extra="ignore", populate_by_name=True)

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redactor."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"TAKUMI_BOT_{name.upper()}"
