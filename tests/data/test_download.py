"""Downloads of one file, against a server on this machine that does what servers do."""

import errno
import hashlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from course_lib.data import download as download_module
from course_lib.data.download import UNKNOWN, download_file, find_fault
from course_lib.errors import CourseError


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def get(web, kind: str, target: Path, checksum: str | None = None) -> bytes:
    download_file(f"{web.base(kind)}file.bin", target, checksum=checksum or md5(web.content), progress=False)
    assert files_in(target.parent) == [target]
    return target.read_bytes()


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "my cache" / "größe.bin"


@pytest.fixture
def part(target: Path) -> Path:
    """What an interrupted download left."""
    target.parent.mkdir()
    return target.with_name("größe.bin.part")


@pytest.mark.parametrize("kind", ["good", "slow", "redirect", "without_ranges", "busy"])
@pytest.mark.parametrize("known", [True, False])
def test_a_file_comes_whole(web, target: Path, kind: str, known: bool) -> None:
    assert get(web, kind, target, None if known else UNKNOWN) == web.content
    assert target.stat().st_mode & 0o044 == 0o044 & ~os.umask(os.umask(0))  # others may read it, as any new file


def test_both_checksums_are_understood(web, target: Path) -> None:
    assert get(web, "good", target, f"sha256:{hashlib.sha256(web.content).hexdigest()}") == web.content
    web.content = web.newer
    assert get(web, "good", target, md5(web.newer)) == web.newer


@pytest.mark.parametrize(
    ("kind", "words", "kept"),
    [
        ("missing", "answered 404", 0),
        ("page", "answered with a web page in place of the file", 0),
        ("truncated", "broke off: the file came truncated", 2**16),
        ("unmeasured", r"gave another file than the register's \(wrong md5: corrupted or changed\)", 0),
        ("corrupted", r"gave another file than the register's \(wrong md5: corrupted or changed\)", 0),
        ("stalled", "stopped answering for 0.2 s", 2**16),
        ("always_busy", "answered 429", 0),
    ],
)
def test_a_bad_download_is_one_line_and_leaves_at_most_a_part(web, target, kind, words, kept, monkeypatch) -> None:
    monkeypatch.setattr(download_module, "TIMEOUT_S", 0.2)
    with pytest.raises(CourseError, match=words) as caught:
        get(web, kind, target)
    assert str(caught.value).startswith(f"{web.base(kind)}file.bin ")
    assert "\n" not in str(caught.value)
    assert [path.name for path in files_in(target.parent)] == (["größe.bin.part"] if kept else [])
    assert sum(path.stat().st_size for path in files_in(target.parent)) == kept


def test_a_server_that_is_not_there_is_unreachable(target: Path, web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/a"
        with pytest.raises(CourseError, match=r"/a is unreachable \(ConnectionError\)"):
            download_file(address, target, checksum=UNKNOWN, progress=False)
    assert files_in(target.parent) == []


def test_a_file_without_checksum_needs_its_length(web, target: Path) -> None:
    with pytest.raises(CourseError, match="does not say how long the file is"):
        get(web, "unmeasured", target, UNKNOWN)


def test_a_damaged_archive_without_checksum_is_refused(web, target: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("image.txt", "pixels" * 100)
    web.content = packed.getvalue()
    whole = target.with_name("a.zip")
    assert get(web, "good", whole, UNKNOWN) == web.content
    assert find_fault(whole, UNKNOWN) == ""
    whole.unlink()
    web.content = web.content.replace(b"pixels", b"pixols", 1)
    damaged = target.with_name("b.zip")
    with pytest.raises(CourseError, match=r"damaged zip archive, first in image\.txt"):
        get(web, "good", damaged, UNKNOWN)
    web.content = b"no archive"
    with pytest.raises(CourseError, match="no whole zip archive"):
        get(web, "good", damaged, UNKNOWN)
    assert files_in(target.parent) == []


def test_damaged_archives_never_end_in_anything_but_words(tmp_path: Path) -> None:
    whole = tmp_path / "a.npz"
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(whole, "w", kind) as archive:
            for name in "abc":
                archive.writestr(name, bytes(range(256)) * 4)
        content, rng = whole.read_bytes(), random.Random(kind)
        damaged = tmp_path / "b.npz"
        for _ in range(150):
            torn = bytearray(content[: rng.choice([len(content), rng.randrange(1, len(content))])])
            for _ in range(rng.randrange(4)):
                torn[rng.randrange(len(torn))] ^= 1 << rng.randrange(8)
            damaged.write_bytes(torn)
            assert isinstance(find_fault(damaged, UNKNOWN), str)
        damaged.write_bytes(content[:-30])
        assert find_fault(damaged, UNKNOWN) == "no whole zip archive"


@pytest.mark.parametrize("checksum", [UNKNOWN, md5(b"")])
def test_an_empty_file_is_no_data(tmp_path: Path, checksum: str) -> None:
    (tmp_path / "a.tif").touch()
    assert find_fault(tmp_path / "a.tif", checksum) == "it is empty"


def test_a_disk_without_locks_does_without(web, target: Path, monkeypatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="needs the locks of Linux or macOS")

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert get(web, "good", target) == web.content


def test_a_length_that_is_no_number_is_no_length(web, target: Path) -> None:
    assert get(web, "odd_length", target) == web.content
    with pytest.raises(CourseError, match="does not say how long"):
        get(web, "odd_length", target.with_name("b"), UNKNOWN)


def test_a_part_is_continued(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content[:1000])
    assert get(web, "good", target) == web.content
    assert web.ranges == ["bytes=1000-"]


def test_a_part_is_begun_again_where_the_server_sends_no_ranges(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content[:1000])
    assert get(web, "without_ranges", target) == web.content
    assert web.ranges == ["bytes=1000-"]


def test_a_wrong_range_is_not_taken(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content[:1000])
    assert get(web, "wrong_range", target) == web.content
    assert web.ranges == ["bytes=1000-", ""]


def test_a_part_of_another_file_costs_one_more_download(web, target: Path, part: Path) -> None:
    part.write_bytes(b"?" * 1000)
    assert get(web, "good", target) == web.content
    assert web.ranges == ["bytes=1000-", ""]


def test_a_part_that_is_whole_already_is_taken(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content)
    assert get(web, "good", target) == web.content
    assert web.ranges == [f"bytes={len(web.content)}-"]  # answered 416


def test_a_part_that_is_longer_than_the_file_is_begun_again(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content + b"more")
    assert get(web, "good", target) == web.content
    assert len(web.asked) == 2


def test_a_part_without_checksum_is_begun_again(web, target: Path, part: Path) -> None:
    part.write_bytes(web.content[:1000])
    assert get(web, "good", target, UNKNOWN) == web.content
    assert web.ranges == [""]


@pytest.mark.parametrize("known", [True, False])
def test_a_line_that_breaks_again_and_again_is_continued_in_one_call(web, target: Path, known: bool) -> None:
    assert get(web, "breaking", target, None if known else UNKNOWN) == web.content
    assert web.ranges == ["", "bytes=65536-", "bytes=131072-", "bytes=196608-"]  # pieces are 64 kB
    assert web.conditions == ["", *['"first"'] * 3]


def test_without_any_mark_of_its_version_a_file_without_checksum_is_not_continued(web, target: Path) -> None:
    web.etag = ""
    with pytest.raises(CourseError, match="broke off"):
        get(web, "breaking", target, UNKNOWN)
    assert set(web.ranges) == {""}


def test_a_file_that_changes_on_the_way_comes_in_its_newer_form(web, target: Path) -> None:
    newer = web.newer
    with pytest.raises(CourseError, match="wrong md5"):
        get(web, "changing", target, md5(web.content))
    web.asked.clear()
    web.content, web.etag = newer[::-1], '"first"'
    assert get(web, "changing", target, UNKNOWN) == newer


def test_the_server_says_how_long_to_wait(web, target: Path, monkeypatch) -> None:
    pauses = []
    monkeypatch.setattr(download_module.time, "sleep", pauses.append)
    for said in ("7", format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)):
        web.retry_after = said
        web.asked.clear()
        get(web, "busy", target)
        target.unlink()
    asked = [pause for pause in pauses if pause > 1]
    assert asked[0] == 7
    assert 20 < asked[1] <= 30


def test_nobody_waits_for_a_day(web, target: Path, monkeypatch) -> None:
    pauses = []
    monkeypatch.setattr(download_module.time, "sleep", pauses.append)
    web.retry_after = "86400"
    get(web, "busy", target)
    assert max(pauses) == download_module.LONGEST_PAUSE_S
    assert download_module._retry_after("soon") == download_module._retry_after("²") == 0


def test_the_bar_begins_where_the_part_ends(web, target: Path, part: Path, capsys) -> None:
    part.write_bytes(web.content[: len(web.content) // 2])
    download_file(f"{web.base('good')}a", target, checksum=md5(web.content), progress=True)
    shown = capsys.readouterr().err
    assert "50%" in shown
    assert "100%" in shown
    assert "größe.bin" in shown


CHILD = """
import sys
from pathlib import Path
from course_lib.data.download import download_file
download_file(sys.argv[1], Path(sys.argv[2]), checksum=sys.argv[3], progress=False)
"""


def child(web, kind: str, target: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, f"{web.base(kind)}file.bin", str(target), md5(web.content)],
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_who_is_stopped_leaves_a_part_that_the_next_call_continues(web, target: Path, end: signal.Signals) -> None:
    web.seconds = 0.5
    part = target.with_name("größe.bin.part")
    process = child(web, "good", target)
    until = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size >= 2**16):
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(end)
    process.communicate(timeout=30)
    assert files_in(target.parent) == [part]
    size = part.stat().st_size
    assert web.content.startswith(part.read_bytes())
    web.seconds = 0
    assert get(web, "good", target) == web.content
    assert web.ranges[-1] == f"bytes={size}-"


def test_two_processes_fetch_one_file_once(web, target: Path) -> None:
    web.seconds = 0.3
    both = [child(web, "good", target) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    for process in both:
        process.stderr.close()
    assert target.read_bytes() == web.content
    assert files_in(target.parent) == [target]
    assert len(web.asked) == 1


def test_who_waits_is_told_why(web, target: Path, capsys) -> None:
    web.seconds = 0.1
    threads = [
        threading.Thread(
            target=download_file,
            args=(f"{web.base('good')}a", target),
            kwargs={"checksum": md5(web.content), "progress": True},
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "größe.bin: another download of it is under way; waiting" in capsys.readouterr().err
    assert target.read_bytes() == web.content


def test_a_disk_that_is_too_small_is_named_before_it_is_full(web, target: Path, monkeypatch) -> None:
    usage = type("Usage", (), {"free": 100_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"No space left on device: 0\.3 MB are to come, 0\.1 are free"):
        get(web, "good", target)
    assert files_in(target.parent) == []


def test_a_disk_that_fills_up_on_the_way_leaves_the_part(web, target: Path) -> None:
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    code += "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + CHILD
    done = subprocess.run(
        [sys.executable, "-c", code, f"{web.base('good')}file.bin", str(target), md5(web.content)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "OSError: [Errno 27] File too large" in done.stderr
    assert [path.name for path in files_in(target.parent)] == ["größe.bin.part"]
    assert get(web, "good", target) == web.content
    assert web.ranges[-1].startswith("bytes=")


def test_a_file_in_its_place_stays_until_a_right_one_has_come(web, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    with pytest.raises(CourseError, match="wrong md5"):
        get(web, "corrupted", target)
    assert target.read_bytes() == b"older"
    assert get(web, "good", target) == web.content
