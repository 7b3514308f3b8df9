"""Cron's tables as files and as a user's own; `crontab` is a labelled stand-in, as a container has none."""

from pathlib import Path

import pytest

from bot.domain.crontabs import MARK, with_given_back, with_taken_over
from bot.domain.errors import OperationFailed
from bot.operations.tools.crontabs import OWN, lines_of, rewrite, text_of

LINE = "0 2 * * * /opt/takumi/scripts/backup-database.sh\n"
# STAND-IN for cron's program: the table is a file beside it; `fails` makes it fail as one without its rights does.
CRONTAB = """#!/bin/sh
folder=$(dirname "$0")
if [ -e "$folder/fails" ]; then echo "crontab: cannot chdir(/var/spool/cron/crontabs)" >&2; exit 1; fi
case "$1" in
-l) cat "$folder/table" 2> /dev/null || { echo "no crontab for takumi" >&2; exit 1; } ;;
-) cat > "$folder/table" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "crontab").write_text(CRONTAB, encoding="utf-8")
    (folder / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


async def test_a_users_own_table_is_found_taken_over_and_given_back(programs: Path) -> None:
    assert await lines_of([Path(OWN)]) == []
    (programs / "table").write_text(LINE, encoding="utf-8")
    assert await lines_of([]) == []
    (found,) = await lines_of([Path(OWN)])
    assert (found.file, found.when) == (OWN, "0 2 * * *")
    await rewrite(OWN, with_taken_over(await text_of(OWN), found))
    assert (programs / "table").read_text("utf-8") == f"{MARK}{LINE}"
    (taken,) = await lines_of([Path(OWN)])
    await rewrite(OWN, with_given_back(await text_of(OWN), taken))
    assert (programs / "table").read_text("utf-8") == LINE


async def test_a_table_that_cannot_be_read_is_not_taken_for_an_empty_one(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs / "fails").touch()
    with pytest.raises(OperationFailed, match="crontab failed with exit code 1"):
        await lines_of([Path(OWN)])
    table = tmp_path / "crontab"
    table.write_text(LINE, encoding="utf-8")

    def barred(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", barred)  # root, as which CI may run, reads everything
    with pytest.raises(OperationFailed, match="crontab cannot be read, so nobody knows"):
        await lines_of([table])


@pytest.mark.usefixtures("programs")
async def test_a_folder_is_read_as_cron_reads_it_and_the_old_table_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "cron.d"
    folder.mkdir()
    for name in ("takumi", "takumi.dpkg-old", "takumi.before-takumi"):
        (folder / name).write_text(LINE.replace("* /opt", "* root /opt"), encoding="utf-8")
    (found,) = await lines_of([folder])
    (folder / "takumi.before-takumi").unlink()
    (folder / "takumi").chmod(0o640)
    kept = await rewrite(found.file, with_taken_over(await text_of(found.file), found))
    assert kept == str(folder / "takumi.before-takumi")
    assert (folder / "takumi.before-takumi").read_text("utf-8") == LINE.replace("* /opt", "* root /opt")
    assert (folder / "takumi").stat().st_mode & 0o777 == 0o640
    assert [line.taken_over for line in await lines_of([folder])] == [True]
