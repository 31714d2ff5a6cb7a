"""`course data list | get | verify`, on a register and files made in the test."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from course_lib.classroom.cli import main

ONE, TWO = b"one" * 1000, b"two" * 1000

REGISTER = """
[sets.small]
modality = "CT"
licence = "CC0 1.0 (stated by the test)"
citation = "Ada and others, 2026"
card = "Two bytes are no patient."
page = "https://example.org/small"
bases = ["{base}small/"]
files = [
  {{ file = "one.bin", what = "first", size_mb = 0.003, checksum = "sha256:{one}" }},
  {{ file = "größe/2.bin", source = "two.bin", what = "b", modality = "MR", size_mb = {size}, checksum = "md5:{two}" }},
]

[sets.loose]
modality = "text"
licence = "CC BY 4.0"
citation = "nobody"
card = "none"
bases = ["{base}small/"]
files = [{{ file = "packed.zip", what = "an archive", checksum = "unknown" }}]

[sets.register_first]
modality = "fundus photograph"
licence = "research only"
citation = "nobody"
card = "none"
page = "https://example.org/register"
files = [{{ file = "training.zip", what = "twenty", checksum = "unknown" }}]

[sets.ours]
modality = "table"
licence = "CC0 1.0"
citation = "nobody"
card = "none"
files = [{{ file = "a.csv", what = "rows", size_mb = 0.001, checksum = "sha256:{one}" }}]
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that offers two files and an archive."""
    shop = tmp_path / "shop" / "small"
    shop.mkdir(parents=True)
    (shop / "one.bin").write_bytes(ONE)
    (shop / "two.bin").write_bytes(TWO)
    with zipfile.ZipFile(shop / "packed.zip", "w") as archive:
        archive.writestr("inside.txt", "text")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "shop"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def course(tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Give a function that runs `course data …` with its own register and cache: status, stdout, stderr."""

    def run(*words: str, size: str = "0.003") -> tuple[int, str, str]:
        path = tmp_path / "registry.toml"
        one, two = hashlib.sha256(ONE).hexdigest(), hashlib.md5(TWO).hexdigest()
        path.write_text(REGISTER.format(base=base, one=one, two=two, size=size), encoding="utf-8")
        monkeypatch.setattr("course_lib.data.registry_file.REGISTRY", path)
        status = main(["data", *words, "--folder", str(tmp_path / "my cache")])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def columns(text: str) -> list[list[str]]:
    return [[word.strip() for word in line.split("  ") if word.strip()] for line in text.splitlines()]


def test_the_list_says_what_there_is_and_where(course, tmp_path: Path) -> None:
    status, out, err = course("list")
    assert (status, err) == (0, "")
    assert columns(out)[:5] == [
        ["set", "modality", "size", "licence", "state"],
        ["small", "CT and 1 more", "6 kB", "CC0 1.0", "not downloaded"],
        ["loose", "text", "?", "CC BY 4.0", "not downloaded"],
        ["register_first", "fundus photograph", "?", "research only", "by hand"],
        ["ours", "table", "1 kB", "CC0 1.0", "local copies only"],
    ]
    course("get", "small/one.bin")
    assert "1 here, 1 not downloaded" in course("list")[1]
    course("get", "small")
    assert columns(course("list")[1])[1][-1] == "here"


def test_a_local_copy_is_named_in_the_list(course, tmp_path: Path, monkeypatch) -> None:
    local = tmp_path / "local"
    (local / "ours").mkdir(parents=True)
    (local / "ours" / "a.csv").write_bytes(ONE)
    assert columns(course("list", "--data-dir", str(local))[1])[4][-1] == "in --data-dir"
    monkeypatch.setenv("COURSE_DATA_DIR", str(local))
    assert columns(course("list")[1])[4][-1] == "in COURSE_DATA_DIR"
    assert course("verify", "ours")[:2] == (
        0,
        f"✓ {local / 'ours' / 'a.csv'}: right\n1 right, 0 wrong, 0 missing of 1 file\n",
    )


def test_the_list_of_one_set_shows_its_files_and_its_terms(course) -> None:
    out = course("list", "small")[1]
    assert "licence     CC0 1.0 (stated by the test)" in out
    assert "cite        Ada and others, 2026" in out
    assert "be careful  Two bytes are no patient." in out
    assert "page        https://example.org/small" in out
    assert ["small/größe/2.bin", "b", "3 kB", "md5", "not downloaded"] in columns(out)
    assert ["loose/packed.zip", "an archive", "?", "unknown", "not downloaded"] in columns(course("list", "loose")[1])


def test_a_set_is_downloaded_once(course, tmp_path: Path) -> None:
    cache = tmp_path / "my cache"
    status, out, err = course("get", "small")
    assert status == 0
    assert err == f"2 of 2 files to download, 6 kB, to {cache}\n"  # no bar: this is no terminal
    assert out == f"✓ {cache / 'small/one.bin'}\n✓ {cache / 'small/größe/2.bin'}\n"
    assert (cache / "small/größe/2.bin").read_bytes() == TWO
    assert course("get", "small")[1:] == (out, "")


def test_a_file_without_checksum_says_so_and_is_unpacked_on_request(course, tmp_path: Path) -> None:
    cache = tmp_path / "my cache" / "loose"
    status, out, _ = course("get", "loose", "--extract")
    assert status == 0
    assert out == (f"✓ {cache / 'packed.zip'} (nobody publishes its checksum)\n  unpacked into {cache / 'packed'}\n")
    assert (cache / "packed" / "inside.txt").read_text() == "text"
    assert course("get", "loose", "--extract")[1] == out.splitlines()[0] + "\n"  # once is enough
    status, out, _ = course("verify", "loose")
    assert (status, out.splitlines()[0]) == (
        0,
        f"✓ {cache / 'packed.zip'}: right, as far as can be told: nobody publishes its checksum",
    )


def test_a_local_copy_is_unpacked_in_the_cache(course, tmp_path: Path) -> None:
    local = tmp_path / "local" / "loose"
    local.mkdir(parents=True)
    (tmp_path / "shop" / "small" / "packed.zip").rename(local / "packed.zip")
    assert course("get", "loose", "--extract", "--data-dir", str(local.parent))[0] == 0
    assert [path.name for path in local.iterdir()] == ["packed.zip"]
    assert (tmp_path / "my cache" / "loose" / "packed" / "inside.txt").is_file()


def test_what_a_person_must_get_is_one_line_and_then_read_where_they_put_it(course, tmp_path: Path) -> None:
    target = tmp_path / "my cache" / "register_first" / "training.zip"
    status, out, err = course("get", "register_first")
    assert (status, out) == (2, "")
    assert err == (
        "course: register_first/training.zip has no address to download from: open https://example.org/register, "
        f"download it by hand, and put the file at {target}\n"
    )
    target.parent.mkdir(parents=True)
    target.write_bytes(b"torn")
    assert course("get", "register_first")[0] == 2
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("image.tif", "pixels")
    assert course("get", "register_first")[0] == 0
    assert target.with_name("training.zip.sha256").is_file()
    assert course("get", "register_first/training.zip")[0] == 0
    assert columns(course("list")[1])[3][-1] == "here"


def test_verify_finds_what_changed(course, tmp_path: Path) -> None:
    status, out, _ = course("verify")
    assert (status, out) == (0, "0 right, 0 wrong, 5 missing of 5 files\n")
    course("get", "small")
    changed = tmp_path / "my cache" / "small" / "one.bin"
    changed.write_bytes(ONE[:-1] + b"!")
    status, out, _ = course("verify")
    assert status == 1
    assert f"✗ {changed}: wrong (wrong sha256: corrupted or changed)\n" in out
    assert out.endswith("1 right, 1 wrong, 3 missing of 5 files\n")
    assert course("verify", "small/one.bin")[0] == 1
    assert course("verify", "ours")[:2] == (0, "- ours/a.csv: missing\n0 right, 0 wrong, 1 missing of 1 file\n")
    assert course("get", "small")[0] == 0  # what is wrong is fetched again
    assert course("verify", "small")[0] == 0


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("list", "smal"), "course: no data named 'smal': did you mean 'small'?\n"),
        (("get", "?"), "course: no data named '?': the sets are small, loose, register_first, ours\n"),
        (("get", "small", "--data-dir", "/nowhere"), "course: the local copy of the data is '/nowhere', which is no"),
        (("verify", "--data-dir", "/nowhere"), "course: the local copy of the data is '/nowhere', which is no folder"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(course, words, fault) -> None:
    status, out, err = course(*words)
    assert (status, out) == (2, "")
    assert err.startswith(fault)
    assert err.count("\n") == 1


def test_a_download_that_fails_is_one_line_and_status_2(course, tmp_path: Path) -> None:
    (tmp_path / "shop" / "small" / "one.bin").unlink()
    status, out, err = course("get", "small")
    assert status == 2
    assert out == f"✓ {tmp_path / 'my cache' / 'small/größe/2.bin'}\n"  # the other one is not lost
    assert "course: could not get small/one.bin: http://127.0.0.1" in err
    assert err.count("\n") == 2
    assert "answered 404. Try again later" in err


def test_a_disk_that_is_too_small_is_named_before_anything_comes(course, tmp_path: Path) -> None:
    status, out, err = course("get", "small", size="1e8")
    assert (status, out) == (2, "")
    assert "are to come: make room, or name another folder with --folder" in err
    assert not (tmp_path / "my cache").exists()


@pytest.mark.parametrize("words", [[], ["list"], ["get"], ["verify"]])
def test_help_says_what_each_command_does(words, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", *words, "--help"])
    assert end.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    for wanted in {"": ("list", "get", "verify")}.get("".join(words), ("--data-dir", "COURSE_DATA_DIR", "--folder")):
        assert wanted in out
