"""The judgement: promises against effects. An empty list of findings is the proof."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from demo.workspace.client import visible_text
from tests.e2e.threads import key_of
from tests.soak.driver import Asked
from tests.soak.platform_log import Done, Rename
from tests.soak.witnesses import Database, Thread

MINUTE = timedelta(minutes=1)
# What ends an attempt in the trail: its outcome, or what says that its worker was gone.
OUTCOMES = ("step.done", "step.failed")
GONE = ("run.taken_over", "run.interrupted", "run.resumed")
ENDS = ("run.succeeded", "run.failed", "run.undone", "run.cancelled", "run.expired", "run.refused")
ENDS += ("approval.voided", "approval.denied")


@dataclass(frozen=True)
class Entry:
    """A line of the trail."""

    at: datetime
    verb: str
    run: str
    details: Mapping[str, Any]
    who: str = ""


@dataclass
class Evidence:
    """Everything that the witnesses said."""

    asked: Mapping[int, Asked]
    restores: Mapping[int, Asked]
    approved: Mapping[str, int]
    refused: Sequence[str]
    threads: Sequence[Thread]
    private: Sequence[str]
    done: Sequence[Done]
    renames: Sequence[Rename]
    databases: Mapping[str, Database]
    sessions: Sequence[str]
    programs: Sequence[str]
    dumps: Mapping[str, str]
    strays: set[str]
    objects: set[str]
    trail: Sequence[Entry]
    recorded: set[str]
    unworked: Sequence[tuple[Any, ...]]
    waiting: Sequence[tuple[Any, ...]]
    own_databases: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Verdict:
    """What was found; `lost`, `twice` and `repeated` are counted apart, `findings` are all of them in words."""

    lost: Sequence[str]
    twice: Sequence[str]
    repeated: Sequence[str]
    left_over: Sequence[str]
    trail: Sequence[str]

    @property
    def findings(self) -> list[str]:
        kinds = {"lost": self.lost, "twice": self.twice, "repeated": self.repeated}
        kinds |= {"left over": self.left_over, "trail": self.trail}
        return [f"{kind}: {one}" for kind, found in kinds.items() for one in found]


def judge(seen: Evidence) -> Verdict:
    return Verdict(
        lost=[*lost_requests(seen), *lost_approvals(seen), *lost_backups(seen), *lost_work(seen), *lost_instants(seen)],
        twice=[*twice_said(seen), *twice_done(seen)],
        repeated=[*repeated(seen), *overlapping(seen)],
        left_over=list(left_over(seen)),
        trail=[*intents(seen), *endings(seen)],
    )


def lost_requests(seen: Evidence) -> Iterator[str]:
    """Everything that was promised has a thread, and every thread a result; or a private answer says why not."""
    promised = [one.words for one in seen.asked.values() if one.acked] + [str(instant) for instant in fired(seen)]
    answered = len(seen.threads) + len(seen.private)
    if answered < len(promised):
        yield f"{len(promised)} requests were promised, {answered} answered"
    for thread in seen.threads:
        if thread.result is None:
            yield f"run {thread.run} never ended"
        elif thread.buttons:
            yield f"run {thread.run} has ended and its buttons are still there: {thread.buttons}"


def lost_approvals(seen: Evidence) -> Iterator[str]:
    """A yes that Slack took is on the card, or its clicker was told why not; what it was for has started."""
    unseen = 0
    for thread in seen.threads:
        card = visible_text(thread.head)
        if thread.run in seen.approved and "Approved by" not in card and "void" not in thread.said:
            unseen += 1
        if "not started within" in thread.said:
            yield f"run {thread.run} was approved and never started"
    if unseen > len(seen.refused):
        yield f"{unseen} approvals are on no card, and only {len(seen.refused)} answers say why: {seen.refused}"


def lost_backups(seen: Evidence) -> Iterator[str]:
    """What a thread says was made is on the disk, in S3 and in the bot's own list, byte for byte."""
    for name, sha256 in told_backups(seen).items():
        if seen.dumps.get(name) != sha256:
            yield f"{name} was told with sha256 {sha256}; on the disk: {seen.dumps.get(name)}"
        for key in (f"database/{name}{ending}" for ending in ("", ".sha256", ".manifest.json", ".roles.sql")):
            if key not in seen.objects:
                yield f"{key} is not in S3"
        if name not in seen.recorded:
            yield f"{name} is not recorded"


def fired(seen: Evidence) -> list[datetime]:
    """The instants of the calendar that somebody won."""
    return [datetime.fromisoformat(one.details["planned"]) for one in seen.trail if one.verb == "schedule.fired"]


def lost_instants(seen: Evidence) -> Iterator[str]:
    """Every minute of the calendar was fired once, or was said to be missed; and what was fired made one run."""
    instants = fired(seen)
    if len(set(instants)) < len(instants):
        yield f"an instant was fired twice: {sorted(instants)}"
    runs = [one.run for one in seen.trail if one.verb == "run.requested" and one.who == "bot:calendar"]
    if len(runs) != len(instants):
        yield f"{len(instants)} instants were fired, {len(runs)} runs made of them"
    missed = sum(one.details["count"] for one in seen.trail if one.verb == "schedule.missed")
    if instants and (minutes := (max(instants) - min(instants)) / MINUTE + 1) > len(instants) + missed:
        yield f"of {minutes:.0f} minutes {len(instants)} were fired and {missed} said to be missed"


def told_backups(seen: Evidence) -> dict[str, str]:
    made = [thread.facts for thread in seen.threads if thread.succeeded and "sha256" in thread.facts]
    return {facts["File"].rsplit("/", 1)[1]: facts["sha256"] for facts in made}


def lost_work(seen: Evidence) -> Iterator[str]:
    for row in seen.unworked:
        yield f"nobody worked on inbox row {row}"
    for row in seen.waiting:
        yield f"job {row} was left"


def twice_said(seen: Evidence) -> Iterator[str]:
    keys = Counter(key_of(message) for thread in seen.threads for message in thread.messages if key_of(message))
    heads = Counter(f"run:{thread.run}" for thread in seen.threads)
    for key, count in (heads + Counter({k: n for k, n in keys.items() if k not in heads})).items():
        if count > 1:
            yield f"message {key} is there {count} times"


def twice_done(seen: Evidence) -> Iterator[str]:
    """More threads than requests; more files than threads that told of one."""
    asked = len(seen.asked) + len(seen.restores) + len(fired(seen))
    if len(seen.threads) > asked:
        yield f"{asked} things were asked for, {len(seen.threads)} runs made"
    told = told_backups(seen)
    for name in seen.dumps.keys() - told.keys():
        yield f"{name} is on the disk, and no thread told of it"
    for key in {key for key in seen.objects if key.endswith(".sql.gz")} - {f"database/{name}" for name in told}:
        yield f"{key} is in S3, and no thread told of it"
    for name in seen.recorded - told.keys():
        yield f"{name} is recorded, and no thread told of it"


def repeated(seen: Evidence) -> Iterator[str]:
    """A destructive effect that happened more than once for one run: each swap renames the target away once."""
    swaps = Counter(rename.run for rename in seen.renames if rename.old in ("takumi", "takumi_staging"))
    for run, count in swaps.items():
        if count > 1:
            yield f"run {run} swapped {count} times"
    for thread in seen.threads:
        if thread.succeeded and "Former database" in thread.facts and not swaps[thread.run]:
            yield f"run {thread.run} says that it swapped, and the platform knows nothing of it"


def overlapping(seen: Evidence) -> Iterator[str]:
    """Runs that change one database exclude each other: from its first statement to its last, a restore is alone."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    restores = {one.run for one in seen.done if one.step == "load"}
    for one in seen.done:
        if one.run in restores and one.step != "leftovers":
            first, last = spans.get(one.run, (one.at, one.at))
            spans[one.run] = (min(first, one.at), max(last, one.at))
    ordered = sorted(spans.items(), key=lambda item: item[1])
    for (before, (_, last)), (after, (first, _)) in pairwise(ordered):
        if first < last:
            yield f"runs {before} and {after} were at one target at once: {first} is before {last}"


def left_over(seen: Evidence) -> Iterator[str]:
    kept = {
        thread.facts["Former database"].split(",")[0] for thread in seen.threads if "Former database" in thread.facts
    }
    for name, database in seen.databases.items():
        if name not in seen.own_databases | kept:
            yield f"database {name}"
        elif name in seen.own_databases and not database.is_open:
            yield f"database {name} is closed"
    yield from (f"{name} is gone" for name in seen.own_databases - seen.databases.keys())
    yield from (f"session {name}" for name in seen.sessions)
    yield from (f"program {name}" for name in seen.programs)
    yield from (f"file {name}" for name in sorted(seen.strays))


def intents(seen: Evidence) -> Iterator[str]:
    """No effect without an intent before it: what the platform saw was in the trail already."""
    intended: dict[tuple[str, str, int], datetime] = {}
    for entry in seen.trail:
        if entry.verb in ("step.intended", "step.undo_intended"):
            step = entry.details["step"] + (".undo" if entry.verb == "step.undo_intended" else "")
            intended.setdefault((entry.run, step, entry.details["attempt"]), entry.at)
        elif entry.verb == "leftovers.removed":
            intended.setdefault((entry.run, "leftovers", 0), entry.at)
    first: dict[tuple[str, str, int], datetime] = {}
    for one in seen.done:
        first.setdefault((one.run, one.step, one.attempt), one.at)
    for attempt, at in first.items():
        if attempt not in intended:
            yield f"the platform saw {attempt}, of which there is no intent"
        elif intended[attempt] > at.replace(tzinfo=UTC):
            yield f"the platform saw {attempt} at {at}, before its intent at {intended[attempt]}"


def endings(seen: Evidence) -> Iterator[str]:
    """An intent is followed by its outcome, or by what says that its worker was gone; a run ends once."""
    by_run: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in seen.trail:
        if entry.run:
            by_run[entry.run].append(entry)
    for run, entries in by_run.items():
        ends = [entry.verb for entry in entries if entry.verb in ENDS]
        # What an ended run left closed is put back after its end, and says so.
        late = [
            entry.verb
            for entry in entries[_first_end(entries) :]
            if entry.verb.startswith("step.") and entry.verb not in ("step.undo_intended", "step.undone")
        ]
        if late:
            yield f"run {run} went on after its end: {late}"
        if len(ends) != 1:
            last = [f"{entry.at:%H:%M:%S} {entry.verb}" for entry in entries[-4:]]
            yield f"run {run} ended {len(ends)} times: {ends}; its last entries are {last}"
        yield from _open_intents(run, [entry for entry in entries if entry.verb.startswith(("step.", "run."))])


def _first_end(entries: Sequence[Entry]) -> int:
    """The place of the entry that ends the run; behind the last without one."""
    return next((place for place, entry in enumerate(entries) if entry.verb in ENDS), len(entries))


def _open_intents(run: str, entries: Sequence[Entry]) -> Iterator[str]:
    for entry, following in zip(entries, [*entries[1:], None], strict=False):
        if entry.verb != "step.intended":
            continue
        after = following.verb if following else "nothing"
        same = following is not None and following.details.get("step") == entry.details["step"]
        if not ((after in OUTCOMES and same) or after in (*GONE, "run.cancel_asked")):
            yield f"run {run}: the intent of {entry.details} is followed by {after}"
