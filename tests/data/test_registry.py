"""The register of data sets and the files that it gives, against a web on this machine."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from course_lib.data import download as download_module
from course_lib.data.registry import cache_folder, fetch, locate_file, verify_file
from course_lib.data.registry_file import find_entries, read_registry
from course_lib.errors import CourseError

CONTENT = bytes(range(256)) * 1024
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
NAME = "tiny set/größe.bin"

SET = """
[sets."tiny set"]
modality = "none"
licence = "CC0 1.0"
citation = "nobody"
card = "made in the test"
page = "https://example.org/about"
bases = [{bases}]
files = [{{ file = "größe.bin", source = "file.bin", what = "bytes", size_mb = 0.26, checksum = "{checksum}" }}]
"""


def register(tmp_path: Path, web, *kinds: str, checksum: str = CHECKSUM) -> Path:
    """A register whose file is sent in these ways, one address each."""
    path = tmp_path / "registry.toml"
    bases = ", ".join(f'"{web.base(kind)}"' for kind in kinds)
    path.write_text(SET.format(bases=bases, checksum=checksum), encoding="utf-8")
    return path


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["good", "slow"])
def test_a_file_is_downloaded_once(tmp_path: Path, web, kind: str, capsys) -> None:
    cache, path = tmp_path / "my cache", register(tmp_path, web, kind)
    found = fetch(NAME, folder=cache, registry=path)
    assert found == cache / NAME
    assert found.read_bytes() == CONTENT
    assert fetch(NAME, folder=cache, registry=path) == found
    assert web.asked == [f"/{kind}/file.bin"]
    assert files_in(cache) == [found]
    assert found.stat().st_mode & 0o044 == 0o044  # others may read it
    assert "100%" in capsys.readouterr().err


def test_without_progress_no_bar_is_drawn(tmp_path: Path, web, capsys) -> None:
    fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, web, "good"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["missing", "truncated", "corrupted", "stalled", "page"])
def test_a_bad_download_is_one_line_that_says_what_to_do(tmp_path: Path, web, kind, monkeypatch) -> None:
    monkeypatch.setattr(download_module, "TIMEOUT_S", 0.2)
    cache = tmp_path / "cache"
    with pytest.raises(CourseError, match=f"could not get {NAME}: ") as caught:
        fetch(NAME, folder=cache, progress=False, registry=register(tmp_path, web, kind))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(f"Try again later, or put the file at {cache / NAME}")
    assert [path.name for path in files_in(cache)] in ([], ["größe.bin.part"])


def test_the_addresses_are_tried_in_order(tmp_path: Path, web) -> None:
    path = register(tmp_path, web, "missing", "truncated", "good", "corrupted")
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path).read_bytes() == CONTENT
    assert web.asked == ["/missing/file.bin", *["/truncated/file.bin"] * 4, "/good/file.bin"]
    assert web.ranges[-1] == "bytes=65536-"  # what the second address gave is not fetched again


def test_all_faults_stand_in_the_line(tmp_path: Path, web) -> None:
    path = register(tmp_path, web, "missing", "corrupted")
    with pytest.raises(CourseError, match=r"missing/file.bin answered 404; .*corrupted/file.bin gave another file"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)


def test_a_damaged_file_in_the_cache_is_replaced(tmp_path: Path, web) -> None:
    damaged = tmp_path / "cache" / NAME
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(CONTENT[:100])
    with pytest.raises(CourseError, match="answered 404"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, web, "missing"))
    path = register(tmp_path, web, "good")
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, web) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    with pytest.raises(CourseError, match="cannot be written"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=register(tmp_path, web, "good"))


def test_a_local_copy_is_taken_first(tmp_path: Path, web, monkeypatch) -> None:
    path = register(tmp_path, web, "good")
    local = tmp_path / "local" / NAME
    local.parent.mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "local"))
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path) == tmp_path / "cache" / NAME
    local.write_bytes(CONTENT)
    assert fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path) == local
    assert len(web.asked) == 1
    local.write_bytes(b"else")
    with pytest.raises(CourseError, match=r"größe.bin is not the file of the register \(wrong sha256"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)
    assert local.read_bytes() == b"else"
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(CourseError, match="nowhere', which is no folder: correct COURSE_DATA_DIR, or unset it"):
        fetch(NAME, folder=tmp_path / "cache", progress=False, registry=path)


def test_the_local_copy_may_be_named_in_the_call(tmp_path: Path, web, monkeypatch) -> None:
    path = register(tmp_path, web, "good")
    local = tmp_path / "local" / NAME
    local.parent.mkdir(parents=True)
    local.write_bytes(CONTENT)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "nowhere"))
    assert fetch(NAME, folder=tmp_path, data_dir=tmp_path / "local", registry=path) == local
    with pytest.raises(CourseError, match="none', which is no folder: correct it"):
        fetch(NAME, folder=tmp_path, data_dir=tmp_path / "none", registry=path)


def test_a_file_that_a_person_must_get_is_read_where_they_put_it(tmp_path: Path, web) -> None:
    path, cache = register(tmp_path, web), tmp_path / "cache"
    words = r"größe.bin has no address to download from: open https://example.org/about, download it by hand, and put"
    with pytest.raises(CourseError, match=words) as caught:
        fetch(NAME, folder=cache, registry=path)
    assert str(caught.value).endswith(f"put the file at {cache / NAME}")
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT)
    assert fetch(NAME, folder=cache, registry=path) == cache / NAME
    (cache / NAME).write_bytes(b"else")
    with pytest.raises(CourseError, match="is not the file of the register"):
        fetch(NAME, folder=cache, registry=path)


def test_a_file_that_nobody_offers_is_named_so(tmp_path: Path, web) -> None:
    path = register(tmp_path, web)
    path.write_text(path.read_text(encoding="utf-8").replace("page =", "#"), encoding="utf-8")
    with pytest.raises(CourseError, match="nobody offers this very file; get a copy, and put the file at"):
        fetch(NAME, folder=tmp_path, registry=path)


def test_without_a_published_checksum_the_first_one_is_remembered(tmp_path: Path, web) -> None:
    path, cache = register(tmp_path, web, "good", checksum="unknown"), tmp_path / "cache"
    found = fetch(NAME, folder=cache, progress=False, registry=path)
    record = cache / f"{NAME}.sha256"
    assert record.read_text(encoding="utf-8") == f"{CHECKSUM[7:]}  größe.bin\n"  # as sha256sum writes it
    assert files_in(cache) == sorted([found, record])
    entry = read_registry(path)[NAME]
    assert verify_file(entry, found) == ""
    found.write_bytes(CONTENT[:-1] + b"!")
    assert verify_file(entry, found) == "wrong sha256: corrupted or changed"
    assert fetch(NAME, folder=cache, progress=False, registry=path).read_bytes() == CONTENT  # fetched again
    found.unlink()
    web.content = web.newer
    with pytest.raises(CourseError, match=r"gave another file than the register's \(wrong sha256"):
        fetch(NAME, folder=cache, progress=False, registry=path)
    record.write_text("torn")
    assert fetch(NAME, folder=cache, progress=False, registry=path).read_bytes() == web.newer
    assert verify_file(entry, found) == ""


def test_a_local_copy_without_a_published_checksum_stays_untouched(tmp_path: Path, web) -> None:
    path = register(tmp_path, web, checksum="unknown")
    local = tmp_path / "local" / NAME
    local.parent.mkdir(parents=True)
    local.write_bytes(b"anything")
    assert fetch(NAME, folder=tmp_path / "cache", data_dir=tmp_path / "local", registry=path) == local
    assert files_in(tmp_path / "local") == [local]


def test_a_whole_set_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"'flowkit_fcs' is a set of files: name one of them, such as 'flowkit_fcs/1"):
        fetch("flowkit_fcs", folder=tmp_path)


def test_files_are_found_by_name_by_set_and_by_folder() -> None:
    entries = read_registry()
    assert [entry.name for entry in find_entries("flowkit_fcs/data1.fcs", entries)] == ["flowkit_fcs/data1.fcs"]
    assert len(find_entries("totalsegmentator_ct", entries)) == 22 + 59
    assert len(find_entries("totalsegmentator_ct/example_seg_v1_2022/", entries)) == 59


def test_downloads_land_in_the_checkout(root: Path) -> None:
    assert cache_folder() == root / "datasets"


def test_a_file_is_located_without_being_read(tmp_path: Path, web) -> None:
    entry = read_registry(register(tmp_path, web, "good"))[NAME]
    assert locate_file(entry, folder=tmp_path) is None
    (tmp_path / NAME).parent.mkdir()
    (tmp_path / NAME).write_bytes(b"anything")
    assert locate_file(entry, folder=tmp_path) == tmp_path / NAME


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(CourseError, match=r"did you mean 'flowkit_fcs/100715\.fcs'"):
        fetch("flowkit/100715.fcs")
    with pytest.raises(CourseError, match=r"no data named '\?\?\?': the sets are dsb2018_nuclei, "):
        fetch("???")


def test_the_courses_register_is_whole() -> None:
    entries = read_registry()
    files = Counter(entry.set_name for entry in entries.values())
    assert files == {
        "dsb2018_nuclei": 2, "totalsegmentator_ct": 81, "pyradiomics_tumours": 8, "chase_db1": 12, "flowkit_fcs": 2,
        "pneumoniamnist_modified": 1, "itkelastix_registration": 8, "ixi_age_sex": 1, "medmnist": 18,
        "chestxray14": 16, "ixi": 2, "msd_hippocampus": 1, "msd_liver": 1, "lits": 2, "camelyon16": 5,
        "bbbc038_nuclei": 1, "drive": 2,
    }  # fmt: skip
    for name, entry in entries.items():
        assert entry.name == name
        assert entry.addresses or entry.page or entry.set_name in ("dsb2018_nuclei", "ixi_age_sex")


def test_the_checksums_are_those_that_were_published() -> None:
    entries = read_registry()
    assert entries["medmnist/pneumoniamnist.npz"].checksum == "md5:28209eda62fecd6e6a2d98b1501bb15f"
    assert entries["msd_hippocampus/Task04_Hippocampus.tar"].checksum == "md5:9d24dba78a72977dbd1d2e110310f31b"
    assert entries["ixi/IXI-T1.tar"].checksum == "md5:34901a0593b41dd19c1a1f746eac2d58"
    assert entries["chestxray14/images_001.tar.gz"].checksum == "md5:fe8ed0a6961412fddcbb3603c11b3698"
    unknown = {entry.set_name for entry in entries.values() if entry.checksum == "unknown"}
    assert unknown == {"chestxray14", "lits", "camelyon16", "drive"}
    sums = [entry.checksum for entry in entries.values() if entry.checksum != "unknown"]
    assert len(set(sums)) == len(sums)


def test_every_set_has_its_card_and_every_card_is_linked(root: Path) -> None:
    overview = (root / "datasets" / "README.md").read_text(encoding="utf-8")
    for name in {entry.set_name for entry in read_registry().values()}:
        card = (root / "datasets" / f"{name}.md").read_text(encoding="utf-8")
        assert f"[{name}]({name}.md)" in overview, f"datasets/README.md does not link the card of {name}"
        for row in ("| what |", "| modality |", "| licence |", "| cite |"):
            assert row in card, f"datasets/{name}.md has no row {row}"
        assert "**Be careful.**" in card, f"datasets/{name}.md does not say what to be careful about"
        assert f"course data get {name}" in card, f"datasets/{name}.md does not say how to get it"


def test_a_line_of_its_own_wins_over_the_set() -> None:
    entries = read_registry()
    assert entries["totalsegmentator_ct/example_ct.nii.gz"].modality == "CT"
    assert entries["totalsegmentator_ct/example_mr_sm.nii.gz"].modality == "MR"


GOOD = SET.format(bases='"https://example.org/"', checksum=CHECKSUM)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('licence = "CC0 1.0"', "", "tiny set/größe.bin has no licence: every file of the register needs one"),
        ('licence = "CC0 1.0"', 'licence = " "', "has no licence"),
        ('citation = "nobody"', "", "has no citation"),
        (CHECKSUM, CHECKSUM[:-1], "checksum is sha256: or md5: and its digits, or 'unknown', got 'sha256:"),
        (CHECKSUM, "md5:d41d8", "checksum is sha256: or md5:"),
        (CHECKSUM, " ", "has no checksum"),
        ("checksum", "sha256", "there is no 'sha256' in a register, only bases, card, checksum"),
        ("size_mb = 0.26", "size_mb = true", "size_mb is a number above 0, got True"),
        ("size_mb = 0.26", "size_mb = nan", "size_mb is a number above 0, got nan"),
        ("https://example.org/about", "example.org", "page is an address"),
        (" }]", " }, { file = 'größe.bin', what = 'again', size_mb = 1, checksum = 'unknown' }]", "is there twice"),
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
def test_the_files_of_a_local_copy_are_those_of_the_register(data_dir: Path, tmp_path: Path) -> None:
    entries = read_registry()
    found = {name: path for name, entry in entries.items() if (path := locate_file(entry, folder=tmp_path))}
    assert len(found) >= 115
    for name, path in found.items():
        entry = entries[name]
        assert fetch(name, folder=tmp_path, progress=False) == path == data_dir / name
        if entry.size_mb and entry.checksum.startswith("sha256"):
            assert path.stat().st_size / 1e6 == pytest.approx(entry.size_mb, rel=0.01)
    assert files_in(tmp_path) == []
