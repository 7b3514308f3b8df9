"""Settings from the environment; the bot's own have the prefix TAKUMI_BOT_, the guide's keep their names."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.adoption import AdoptionSettings
from bot.config.backups import BackupSettings
from bot.config.own import OwnSettings
from bot.config.platform import PlatformSettings
from bot.config.point_in_time import PointInTimeSettings
from bot.config.rules import RuleSettings
from bot.config.secrets import FileSource, variable
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no .env file here
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `FileSource` reads files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was fetched, then files that `..._FILE` names, then the variables themselves."""
        return init_settings, FileSource(settings_cls), env_settings

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redactor."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return variable(name, Settings.model_fields[name])
