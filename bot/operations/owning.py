"""One retention has one owner: where a script of the guide's still deletes, the bot does not."""

from bot.domain.errors import Refused
from bot.domain.operations import PREVIEW
from bot.operations.tools.crontabs import lines_of
from bot.operations.tools.toolbox import StepTools
from bot.policy.adoption import RETENTION, owners_of


async def must_own_retention(tools: StepTools) -> None:
    """What is only shown is no deed. Raises: Refused, naming the line of cron that deletes, too; OperationFailed."""
    if tools.context.run == PREVIEW:
        return
    owners = owners_of(RETENTION, await lines_of(tools.platform.cron_files))
    if owners:
        raise Refused(
            f"{owners[0].place} runs `{owners[0].command}`, which deletes backups as well: one retention, two owners.",
            hint="Take that line over (`python -m bot doctor --adopt`), or leave the deleting to it.",
        )
