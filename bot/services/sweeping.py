"""What fell between two chairs: rows that should have a wake-up get another one, which does no harm."""

from datetime import timedelta

from bot.services.ports import Store
from bot.services.rows import Job, Wake

OLDER_THAN = timedelta(seconds=15)
AT_ONCE = 100
SWEPT = (Job.ADVANCE_RUN, Job.WORK_INBOX, Job.DRAW_MESSAGE, Job.MAKE_CALLS)


async def sweep(store: Store, job: Job) -> None:
    """Wake whatever rows of that job's kind were left alone for too long."""
    async with store.work() as work:
        if job is Job.ADVANCE_RUN:
            keys = [*await work.runs.abandoned(AT_ONCE), *await work.runs.waiting(AT_ONCE)]
        elif job is Job.WORK_INBOX:
            keys = [*await work.inbox.unworked(OLDER_THAN, AT_ONCE)]
        elif job is Job.MAKE_CALLS:
            keys = [*await work.calls.due(AT_ONCE)]
        else:
            keys = [*await work.messages.undrawn(OLDER_THAN, AT_ONCE)]
        await work.defer(*(Wake(job, key) for key in keys))
