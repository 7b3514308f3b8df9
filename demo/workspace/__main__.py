"""`python -m demo.workspace --port N --data DIR`: the workspace alone, until Ctrl-C."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from demo.workspace.server import running_workspace


def main() -> int:
    """Run until told to stop; a taken port or a broken folder is one sentence."""
    parser = argparse.ArgumentParser(prog="python -m demo.workspace", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free port is chosen when left out")
    parser.add_argument("--data", type=Path, default=None, help="folder to keep the workspace in")
    asked = parser.parse_args()
    try:
        asyncio.run(_serve(asked.data, asked.port))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The workspace cannot start: {error}\n")
        return 1
    return 0


async def _serve(folder: Path | None, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_workspace(folder, port) as workspace:
        ready = {"page": workspace.url, "slack_api": workspace.api_url, "workspace_token": workspace.token}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
