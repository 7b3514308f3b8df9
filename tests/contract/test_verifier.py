"""Every way in which somebody could change a trail is found, and the entry is named."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.million import resident_mb, write_export
from bot import verifier
from bot.stores.proofs import proof_of
from bot.stores.signing import Writer, passing_key
from bot.verifier import Report, Verifier
from tests.exports import AT_US, Forgery, a_forgery

Mutation = Callable[[Forgery], None]


def checked(forged: Forgery, honest: Forgery, *, anchored: bool) -> Report:
    """What is found in a forged export by whoever has the honest keys, and perhaps the honest anchors."""
    anchors = honest.anchors() if anchored else None
    return Verifier(honest.keys, anchors).check(forged.export())


@pytest.fixture
def honest() -> Forgery:
    return a_forgery()


def copied(forgery: Forgery) -> Forgery:
    return Forgery(
        forgery.writer, forgery.head_key, list(forgery.lines), list(forgery.hashes), list(forgery.heads), forgery.sizes
    )


def change(trail: Forgery) -> None:
    trail.lines[5] = trail.lines[5].replace(b'"s6"', b'"s9"')


def delete(trail: Forgery) -> None:
    del trail.lines[5], trail.hashes[5]


def delete_and_link(trail: Forgery) -> None:
    del trail.lines[5]
    trail.link(5)
    trail.sizes = [4, 2, 5]


def insert(trail: Forgery) -> None:
    trail.lines.insert(5, trail.line(6, 6, "forged", Writer(passing_key())))
    trail.hashes.insert(5, trail.hashes[4])


def reorder(trail: Forgery) -> None:
    trail.lines[5], trail.lines[6] = trail.lines[6], trail.lines[5]
    trail.hashes[5], trail.hashes[6] = trail.hashes[6], trail.hashes[5]


def reorder_and_link(trail: Forgery) -> None:
    trail.lines[5], trail.lines[6] = trail.lines[6], trail.lines[5]
    trail.link(5)


def rewrite(trail: Forgery) -> None:
    """Valid hashes from entry 6 on, and heads signed anew, with keys that are not ours."""
    trail.lines[5] = trail.line(6, 6, "forged", Writer(passing_key()))
    trail.link(5)
    trail.sign(trail.sizes, passing_key())


def rewrite_with_the_writer_s_key(trail: Forgery) -> None:
    trail.lines[5] = trail.line(6, 6, "forged")
    trail.link(5)


def rewrite_with_every_key(trail: Forgery) -> None:
    trail.lines[5] = trail.line(6, 6, "forged")
    trail.link(5)
    trail.sign(trail.sizes)


def cut_the_tail(trail: Forgery) -> None:
    del trail.lines[7:], trail.hashes[7:], trail.heads[2:]
    trail.sizes = trail.sizes[:2]


def swap_heads(trail: Forgery) -> None:
    trail.heads[0], trail.heads[1] = trail.heads[1], trail.heads[0]


def swap_heads_and_entries(trail: Forgery) -> None:
    trail.sizes = [3, 4, 5]
    trail.heads[0], trail.heads[1] = trail.heads[1], trail.heads[0]
    for one in (trail.lines, trail.hashes):
        one[0:7] = [*one[4:7], *one[0:4]]


# What is done, what is said of it, and whether that needs what lies outside.
MUTATIONS: list[tuple[Mutation, str, bool]] = [
    (change, "entry 6 was changed", False),
    (change, "entry 6 is not signed by a known writer", False),
    (delete, "entry 6 is not where it should be", False),
    (delete_and_link, "head 2 does not fit its entries (entries 5 to 7)", False),
    (delete_and_link, "number 6 of writer", False),
    (insert, "entry 6 was changed", False),
    (insert, "entry 6 is not signed by a known writer", False),
    (reorder, "entry 6 is not where it should be: entry 7 stands there", False),
    (reorder_and_link, "head 2 does not fit its entries (entries 5 to 7)", False),
    (rewrite, "entry 6 is not signed by a known writer", False),
    (rewrite, "head 2 (entries 5 to 7) is not signed by a known key", False),
    (rewrite, "head 2 is not the one that was anchored: entry 6 differs", True),
    (rewrite_with_the_writer_s_key, "head 2 does not fit its entries (entries 5 to 7)", False),
    (rewrite_with_every_key, "head 2 is not the one that was anchored: entry 6 differs", True),
    (cut_the_tail, "the tail was cut: entries 8 to 12 are anchored and not there", True),
    (swap_heads, "head 2 (entries 5 to 7) does not follow head 0", False),
    (swap_heads_and_entries, "entry 1 is not where it should be: entry 5 stands there", False),
]


@pytest.mark.parametrize(("mutate", "said", "anchored"), MUTATIONS, ids=lambda value: getattr(value, "__name__", None))
def test_a_forgery_is_found_and_named(honest: Forgery, mutate: Mutation, said: str, anchored: bool) -> None:
    forged = copied(honest)
    mutate(forged)
    problems = checked(forged, honest, anchored=anchored).problems
    assert any(said in problem for problem in problems), problems


def test_an_honest_trail_has_no_problem(honest: Forgery) -> None:
    report = checked(honest, honest, anchored=True)
    assert (report.problems, report.notes, report.entries, report.heads) == ([], [], 12, 3)


@pytest.mark.parametrize("mutate", [rewrite_with_every_key, cut_the_tail])
def test_what_only_an_anchor_shows_is_not_found_without_one(honest: Forgery, mutate: Mutation) -> None:
    """docs/security.md says so: this is the test that it is true."""
    forged = copied(honest)
    mutate(forged)
    report = checked(forged, honest, anchored=False)
    assert report.problems == []
    assert any("use --anchors" in note for note in report.notes)


def test_an_old_export_is_known_by_what_was_anchored_since(honest: Forgery) -> None:
    old = honest.export()
    honest.record(6)
    honest.link()
    honest.sign_more(6)
    report = Verifier(honest.keys, honest.anchors()).check(old)
    assert report.problems == ["the tail was cut: entries 13 to 18 are anchored and not there"]


def test_a_file_that_was_cut_off_is_not_taken_for_a_whole_one(honest: Forgery) -> None:
    report = Verifier(honest.keys).check(honest.export()[:-1])
    assert report.problems == ["the export was cut after entry 12: its last line is not there"]


@pytest.mark.parametrize("damage", [b"", b"E \n", b"X\n", b"H zz {}\n", b"H " + b"0" * 128 + b' {"batch": "x"}\n'])
def test_a_damaged_line_is_a_problem_and_not_a_crash(honest: Forgery, damage: bytes) -> None:
    lines = honest.export()
    lines[3] = damage
    assert Verifier(honest.keys, honest.anchors()).check(lines).problems


def test_any_flipped_byte_is_noticed(honest: Forgery) -> None:
    chance = random.Random(7)  # noqa: S311 - the same flips every time
    lines = honest.export()
    for _ in range(300):
        index = chance.randrange(1, len(lines))
        at = chance.randrange(len(lines[index]) - 1)
        forged = bytes([lines[index][at] ^ (1 << chance.randrange(7))])
        changed = [*lines[:index], lines[index][:at] + forged + lines[index][at + 1 :], *lines[index + 1 :]]
        report = Verifier(honest.keys, honest.anchors()).check(b"".join(changed).splitlines(keepends=True))
        assert report.problems, (index, at)


def test_a_gap_among_the_numbers_is_an_alarm_once_nothing_can_be_on_its_way(honest: Forgery) -> None:
    honest.writer.take()
    honest.record(2)
    honest.link()
    honest.sign([4, 3, 5, 2])
    assert "number 13 of writer" in Verifier(honest.keys).check(honest.export()).problems[0]
    early = Verifier(honest.keys).check(honest.export(at_us=AT_US + 1_000_000))
    assert early.problems == []
    assert "number 13 of writer" in " ".join(early.notes)


def test_whole_batches_may_be_retired_and_nothing_else(honest: Forgery) -> None:
    kept = [line for line in honest.export() if not (line.startswith(b"E ") and int(line[67:87]) <= 7)]
    kept[-1] = b"Z 5 3\n"
    assert Verifier(honest.keys, honest.anchors(), retired=7).check(kept).problems == []
    for retired in (0, 4):
        assert Verifier(honest.keys, honest.anchors(), retired=retired).check(kept).problems
    del kept[2]
    assert Verifier(honest.keys, honest.anchors(), retired=7).check(kept).problems


def test_anchors_that_were_forged_are_not_believed(honest: Forgery) -> None:
    other = a_forgery()
    report = Verifier(honest.keys, other.anchors()).check(honest.export())
    assert (
        report.problems == ["an anchor is not what was put there: its head is not signed, or its hashes do not fit"] * 3
    )


def test_two_anchors_that_disagree_are_told(honest: Forgery) -> None:
    forged = copied(honest)
    rewrite_with_every_key(forged)
    report = Verifier(honest.keys, [*honest.anchors(), *forged.anchors()]).check(honest.export())
    assert "two anchors disagree about head 2 (entry 5)" in report.problems


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 255, 256, 257, 1000])
def test_every_hash_of_a_tree_is_proven_and_no_other_is(count: int) -> None:
    hashes = [bytes([number % 256, number // 256]) * 16 for number in range(count)]
    root = verifier.root_of(hashes)
    for index in {0, count // 2, count - 1}:
        proof = proof_of(hashes, index)
        assert verifier.proven(hashes[index], proof, root)
        assert not verifier.proven(bytes(range(32)), proof, root)
        assert not verifier.proven(hashes[index], proof, hashes[0])
        assert not verifier.proven(hashes[index], [], root)


def test_memory_does_not_grow_with_the_trail(tmp_path: Path) -> None:
    """A million, with every signature: `make bench ONLY=audit.million`."""
    used = []
    for entries in (10_000, 60_000):
        write_export(tmp_path / "export", entries)
        used.append(resident_mb(tmp_path / "export", "--no-signatures"))
    assert used[1] < 1.1 * used[0], used


# Source: RFC 8032, section 7.1.
RFC_VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_VECTORS)
def test_the_arithmetic_agrees_with_the_standard(key: str, message: str, signature: str) -> None:
    assert verifier.slowly_signed(bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message))


def test_the_arithmetic_agrees_with_cryptography() -> None:
    chance = random.Random(11)  # noqa: S311 - the same messages every time
    for _ in range(12):
        private = Ed25519PrivateKey.generate()
        public, message = private.public_key().public_bytes_raw(), chance.randbytes(chance.randrange(300))
        signature = bytearray(private.sign(message))
        assert verifier.slowly_signed(public, bytes(signature), message)
        signature[chance.randrange(64)] ^= 1 << chance.randrange(8)
        fast = verifier.is_signed([public.hex()], bytes(signature).hex().encode(), message)
        assert verifier.slowly_signed(public, bytes(signature), message) == fast == False  # noqa: E712 - all three alike


@pytest.mark.parametrize("key", [b"\xff" * 32, b"\x02" + bytes(31), bytes(5)])
def test_a_key_that_is_no_point_signs_nothing(key: bytes) -> None:
    assert not verifier.slowly_signed(key, bytes(64), b"x")


def test_an_s_beyond_the_order_is_refused() -> None:
    """Else whoever sees a signature could write it in a second way."""
    private = Ed25519PrivateKey.generate()
    signature = private.sign(b"x")
    order = 2**252 + 27742317777372353535851937790883648493
    second = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not verifier.slowly_signed(private.public_key().public_bytes_raw(), second, b"x")


@pytest.mark.parametrize("blocked", ["", "cryptography"])
def test_the_file_works_alone_with_and_without_cryptography(tmp_path: Path, honest: Forgery, blocked: str) -> None:
    alone = tmp_path / "verifier.py"
    alone.write_bytes(Path(verifier.__file__).read_bytes())
    if blocked:
        (tmp_path / "cryptography.py").write_text("raise ImportError('not here')", encoding="utf-8")
    (tmp_path / "keys.json").write_text(json.dumps(honest.keys), encoding="utf-8")
    (tmp_path / "anchors").mkdir()
    for number, text in enumerate(honest.anchors()):
        (tmp_path / "anchors" / f"{number:012d}").write_text(text, encoding="utf-8")
    assert run(alone, honest.export()) == 0
    change(honest)
    assert run(alone, honest.export()) == 1
    assert run(alone, [b"no export\n"]) == 2


def run(alone: Path, lines: list[bytes]) -> int:
    """The exit code of the file in an interpreter that finds nothing of the bot."""
    folder = alone.parent
    (folder / "export").write_bytes(b"".join(lines))
    options = ["--keys", str(folder / "keys.json"), "--anchors", str(folder / "anchors")]
    command = [sys.executable, str(alone), str(folder / "export"), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)
    sys.stdout.write(done.stdout + done.stderr)
    return done.returncode
