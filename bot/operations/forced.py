"""What a machine installs so that the bot's key may do a target's actions there, and nothing else."""

import re
import shlex

from bot.domain.actions import Vector, allowed_vectors
from bot.domain.errors import RequestError
from bot.domain.targets import Target

FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
SCRIPT_FOLDER = "/usr/local/lib/takumi-bot"
PUBLIC_KEY = re.compile(r"^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,3}(?: [\w.@-]*)?$")


def script_path(target: Target) -> str:
    return f"{SCRIPT_FOLDER}/{target.name}"


def authorized_key(target: Target, public_key: str, script: str = "") -> str:
    """One line of authorized_keys: whatever the bot sends, that script runs; no shell, tunnel or terminal.

    Raises: RequestError for what is no public key.
    """
    key = public_key.strip()
    if not PUBLIC_KEY.match(key):
        raise RequestError("That is no public key of SSH.", hint="Give the .pub file that ssh-keygen wrote.")
    return f'command="{script or script_path(target)}",restrict {key}'


def forced_command(target: Target, folders: str = FOLDERS) -> str:
    """A POSIX script that compares what was asked with its list, whole, and runs words of its own.

    Nothing that came over the wire is ever evaluated: it is only compared. `folders` is where its programs are found.
    """
    cases = "\n".join(_case(vector) for vector in allowed_vectors(target))
    return (
        "#!/bin/sh\n"
        f"# What takumi-bot may do here as target {target.name}; made by `python -m bot executor {target.name}`.\n"
        f"PATH={shlex.quote(folders)}; export PATH\n"
        'case "$SSH_ORIGINAL_COMMAND" in\n'
        f"{cases}\n"
        "*) echo 'this command is not on the list of this machine' >&2; exit 126 ;;\n"
        "esac\n"
    )


def _case(vector: Vector) -> str:
    """The pattern is quoted once more, since the client's words are themselves quoted."""
    words = shlex.join(vector)
    return f"{shlex.quote(words)}) exec {words} ;;"
