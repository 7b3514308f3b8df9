"""What the settings make of the scripts that an administrator runs."""

from pathlib import Path

from bot.config import Settings
from bot.doctor.scripts import own_script, platform_script
from bot.domain.errors import Misconfigured, RequestError
from bot.domain.targets import ExecutorKind
from bot.installation import platform_of
from bot.operations.forced import authorized_key, forced_command, script_path
from bot.operations.tools.access import OwnDatabase

NOBODY = OwnDatabase("", "")


def own_grants(settings: Settings) -> str:
    """For the bot's own PostgreSQL. Raises: Misconfigured."""
    if settings.migrate_database_url is None:
        raise Misconfigured("The role that owns the tables is not known.", hint="Set TAKUMI_BOT_MIGRATE_DATABASE_URL.")
    urls = (settings.database_url, settings.sequencer_database_url, settings.retention_database_url)
    others = [url.get_secret_value() for url in urls if url]
    return own_script(settings.migrate_database_url.get_secret_value(), *others)


def platform_grants(settings: Settings) -> str:
    """For the platform's PostgreSQL. Raises: Misconfigured."""
    return platform_script(platform_of(settings, NOBODY))


def machine_words(settings: Settings, name: str, key: Path, folders: str) -> str:
    """The line of authorized_keys and the script, with where each goes. Raises: RequestError."""
    target = next((target for target in settings.targets if target.name == name), None)
    if target is None or target.executor is not ExecutorKind.SSH or target.ssh is None:
        raise RequestError(f"TAKUMI_BOT_TARGETS has no {name!r} that is reached by ssh.", hint="Mend it there.")
    if not key.is_file():
        raise RequestError(f"{key} is not there.", hint="Make a key: ssh-keygen -t ed25519 -N '' -f FILE")
    line = authorized_key(target, key.read_text("utf-8"))
    return (
        f"# 1. On {target.ssh.host}, one line of ~{target.ssh.user}/.ssh/authorized_keys:\n{line}\n"
        f"# 2. There, as root, {script_path(target)} (mode 755):\n{forced_command(target, folders)}"
    )
