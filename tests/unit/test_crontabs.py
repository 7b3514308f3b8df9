"""The guide's cron lines: found, mapped to what replaces them, switched off and back without touching anything else."""

import pytest

from bot.domain.crontabs import MARK, read, with_given_back, with_taken_over
from bot.policy.adoption import RETENTION, owners_of, replacement_of

# Source: guide, Automated Backups; as it would stand in a user's crontab.
GUIDE = """# m h dom mon dow command
MAILTO=ops@takumi.io
RETENTION_DAYS="60"

0 2 * * * /path/to/takumi/scripts/automated-backup.sh
30 3 * * 0 CLOUD_BACKUP=true S3_BUCKET=takumi-backups /path/to/takumi/scripts/automated-backup.sh >> /tmp/log 2>&1
@daily cd /srv && NETWORK=polygon ./scripts/snapshot-contracts.sh
15 4 * * * /usr/bin/certbot renew
broken line
"""


def test_lines_are_read_with_what_their_command_sees() -> None:
    first, second, third, fourth = read(GUIDE, "crontab -l", has_user=False)
    assert (first.number, first.when, first.command) == (5, "0 2 * * *", "/path/to/takumi/scripts/automated-backup.sh")
    assert first.variables == {"MAILTO": "ops@takumi.io", "RETENTION_DAYS": "60"}
    assert second.variables["CLOUD_BACKUP"] == "true"
    assert second.variables["S3_BUCKET"] == "takumi-backups"
    assert third.when == "0 0 * * *"
    assert fourth.command == "/usr/bin/certbot renew"


def test_the_system_table_names_an_account_that_is_no_part_of_the_command() -> None:
    (found,) = read("0 2 * * * postgres /opt/automated-backup.sh\n", "/etc/cron.d/takumi", has_user=True)
    assert found.command == "/opt/automated-backup.sh"


def test_a_backup_script_owns_the_retention_too_and_a_stranger_owns_nothing() -> None:
    found = list(read(GUIDE, "crontab -l", has_user=False))
    assert [line.number for line in owners_of(RETENTION, found)] == [5, 6]
    assert [line.number for line in owners_of("contract-snapshot", found)] == [7]
    assert replacement_of(found[3]) is None
    (like_it,) = read("0 2 * * * /opt/my-automated-backup.sh.old\n", "x", has_user=False)
    assert replacement_of(like_it) is None


def test_every_script_that_deletes_owns_the_retention() -> None:
    for script in ("automated-backup.sh", "backup-database.sh"):
        found = list(read(f"0 2 * * * /opt/{script}\n", "crontab -l", has_user=False))
        assert owners_of(RETENTION, found) == tuple(found)


def test_a_line_is_taken_over_alone_and_comes_back_byte_for_byte() -> None:
    line = next(iter(read(GUIDE, "crontab -l", has_user=False)))
    off = with_taken_over(GUIDE, line)
    changed = [pair for pair in zip(GUIDE.splitlines(), off.splitlines(), strict=True) if pair[0] != pair[1]]
    assert changed == [(GUIDE.splitlines()[4], MARK + GUIDE.splitlines()[4])]
    taken = next(one for one in read(off, "crontab -l", has_user=False) if one.taken_over)
    assert owners_of(RETENTION, [taken]) == ()
    assert with_given_back(off, taken) == GUIDE


def test_a_table_that_somebody_changed_meanwhile_is_not_written() -> None:
    line = next(iter(read(GUIDE, "crontab -l", has_user=False)))
    for changed in (f"# one more line\n{GUIDE}", "", with_taken_over(GUIDE, line)):
        with pytest.raises(ValueError, match="is not what it was"):
            with_taken_over(changed, line)
