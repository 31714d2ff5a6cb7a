"""The register of data sets and its downloads, against a server on this machine."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from course_lib.data import registry as registry_module
from course_lib.data.registry import fetch, read_registry
from course_lib.errors import CourseError

CONTENT = bytes(range(256)) * 1024
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "tiny set/größe.bin"

SET = """
[sets."tiny set"]
modality = "none"
licence = "CC0 1.0"
citation = "nobody"
card = "made in the test"
bases = [{bases}]
files = [{{ file = "größe.bin", source = "file.bin", what = "bytes", size_mb = 0.26, sha256 = "{sha256}" }}]
"""


class Handler(BaseHTTPRequestHandler):
    """The first folder of the address says how the file is sent."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind = self.path.split("/")[1]
        if kind == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        if kind != "unmeasured":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if kind in ("truncated", "unmeasured"):
            self.wfile.write(CONTENT[:1000])
        elif kind == "corrupted":
            self.wfile.write(CONTENT[:-1] + b"!")
        elif kind == "stalled":
            self.wfile.write(CONTENT[:1000])
            self.server.released.wait(10)
        else:
            for start in range(0, len(CONTENT), 2**16):
                self.wfile.write(CONTENT[start : start + 2**16])
                time.sleep(0.1 if kind == "slow" else 0)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.released = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def register(tmp_path: Path, server: ThreadingHTTPServer, *kinds: str, sha256: str = SHA256) -> Path:
    """A register whose file is sent in these ways, one address each."""
    path = tmp_path / "registry.toml"
    bases = ", ".join(f'"http://127.0.0.1:{server.server_port}/{kind}/"' for kind in kinds)
    path.write_text(SET.format(bases=bases, sha256=sha256), encoding="utf-8")
    return path


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["good", "slow"])
def test_a_file_is_downloaded_once(tmp_path: Path, server, kind: str, capsys) -> None:
    cache, path = tmp_path / "my cache", register(tmp_path, server, kind)
    found = fetch(NAME, folder=cache, registry=path)
    assert found == cache / NAME
    assert found.read_bytes() == CONTENT
    assert fetch(NAME, folder=cache, registry=path) == found
    assert server.asked == [f"/{kind}/file.bin"]
    assert files_in(cache) == [found]
    assert found.stat().st_mode & 0o044 == 0o044  # others may read it
    assert "100%" in capsys.readouterr().err


def test_without_progress_no_bar_is_drawn(tmp_path: Path, server, capsys) -> None:
    fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, server, "good"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "answered 404"),
        ("truncated", "broke off: the file came truncated"),
        ("unmeasured", "wrong sha256"),
        ("corrupted", "another file than the register's"),
        ("stalled", "stopped answering for 0.3 s"),
    ],
)
def test_a_bad_download_is_one_line_and_leaves_nothing(tmp_path: Path, server, kind, words, monkeypatch) -> None:
    monkeypatch.setattr(registry_module, "TIMEOUT_S", 0.3)
    cache = tmp_path / "cache"
    with pytest.raises(CourseError, match=words) as caught:
        fetch(NAME, folder=cache, progress=False, registry=register(tmp_path, server, kind))
    assert "\n" not in str(caught.value)
    assert f"could not get {NAME}" in str(caught.value)
    assert str(cache / NAME) in str(caught.value)
    assert files_in(cache) == []


def test_the_addresses_are_tried_in_order(tmp_path: Path, server) -> None:
    path = register(tmp_path, server, "missing", "truncated", "good", "corrupted")
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path).read_bytes() == CONTENT
    assert server.asked == ["/missing/file.bin", "/truncated/file.bin", "/good/file.bin"]


def test_all_faults_stand_in_the_line(tmp_path: Path, server) -> None:
    path = register(tmp_path, server, "missing", "corrupted")
    with pytest.raises(CourseError, match=r"missing/file.bin answered 404; .*corrupted/file.bin gave another file"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path, server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        path = tmp_path / "registry.toml"
        base = f'"http://127.0.0.1:{free.getsockname()[1]}/"'
        path.write_text(SET.format(bases=base, sha256=SHA256), encoding="utf-8")
        with pytest.raises(CourseError, match="is unreachable"):
            fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)


def test_a_damaged_file_in_the_cache_is_replaced(tmp_path: Path, server) -> None:
    damaged = tmp_path / "cache" / NAME
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(CONTENT[:100])
    with pytest.raises(CourseError, match="answered 404"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, server, "missing"))
    path = register(tmp_path, server, "good")
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, server) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    with pytest.raises(CourseError, match="cannot be written"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, server, "good"))


def test_a_local_copy_is_taken_first(tmp_path: Path, server, monkeypatch) -> None:
    path = register(tmp_path, server, "good")
    local = tmp_path / "local" / NAME
    local.parent.mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "local"))
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path) == tmp_path / "cache" / NAME
    local.write_bytes(CONTENT)
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path) == local
    assert len(server.asked) == 1
    local.write_bytes(b"else")
    with pytest.raises(CourseError, match=r"größe.bin is not the file of the register \(another sha256\)"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(CourseError, match="nowhere', which is no folder"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)


def test_a_file_without_address_must_be_put_in_place(tmp_path: Path, server) -> None:
    path, cache = register(tmp_path, server), tmp_path / "cache"
    with pytest.raises(CourseError, match=r"it has no address to download from\. .* put the file at .*größe.bin"):
        fetch(NAME, folder=cache, registry=path)
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT)
    assert fetch(NAME, folder=cache, registry=path) == cache / NAME
    (cache / NAME).write_bytes(b"else")
    with pytest.raises(CourseError, match="is not the file of the register"):
        fetch(NAME, folder=cache, registry=path)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(CourseError, match=r"did you mean 'flowkit_fcs/100715\.fcs'"):
        fetch("flowkit/100715.fcs")
    with pytest.raises(CourseError, match=r"no data named '\?\?\?': the names are dsb2018_nuclei"):
        fetch("???")


def test_the_courses_register_is_whole() -> None:
    entries = read_registry()
    assert {name.split("/")[0] for name in entries} == {
        "chase_db1", "dsb2018_nuclei", "flowkit_fcs", "itkelastix_registration", "ixi_age_sex",
        "pneumoniamnist_modified", "pyradiomics_tumours", "totalsegmentator_ct",
    }  # fmt: skip
    for name, entry in entries.items():
        assert entry.name == name
        assert 0 < entry.size_mb < 10
        assert len(entry.addresses) == (0 if name.startswith(("dsb2018", "ixi")) else 2)


def test_a_line_of_its_own_wins_over_the_set() -> None:
    entries = read_registry()
    assert entries["totalsegmentator_ct/example_ct.nii.gz"].modality == "CT"
    assert entries["totalsegmentator_ct/example_mr_sm.nii.gz"].modality == "MR"


GOOD = SET.format(bases='"https://example.org/"', sha256=SHA256)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('licence = "CC0 1.0"', "", "tiny set/größe.bin has no licence: every file of the register needs one"),
        ('licence = "CC0 1.0"', 'licence = " "', "has no licence"),
        ('citation = "nobody"', "", "has no citation"),
        (SHA256, SHA256[:-1], "sha256 is 64 hexadecimal digits"),
        ("size_mb = 0.26", "size_mb = 0", "size_mb is a number above 0, got 0"),
        ("größe.bin", "../größe.bin", "leaves its folder"),
        ("größe.bin", "/größe.bin", "leaves its folder"),
        ('"tiny set"', '".."', "leaves its folder"),
        ('"https://example.org/"', '"ftp://example.org/"', "bases are a list of addresses"),
        ("files = [", "lines = [", "the set tiny set needs files"),
        ("[sets.", "[set.", "has a table \\[sets.NAME\\]"),
        ("licence =", "licence", "cannot be read"),
    ],
)
def test_a_bad_register_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    path = tmp_path / "registry.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert list(read_registry(path)) == [NAME]
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseError, match=words) as caught:
        read_registry(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_register_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"none.toml: a register of data in TOML is needed"):
        read_registry(tmp_path / "none.toml")


@pytest.mark.real_data
def test_every_file_of_the_register_is_the_local_one(data_dir: Path, tmp_path: Path) -> None:
    for name, entry in read_registry().items():
        found = fetch(name, folder=tmp_path, progress=False)
        assert found == data_dir / name
        assert found.stat().st_size / 1e6 == pytest.approx(entry.size_mb, rel=0.01)
    assert files_in(tmp_path) == []
