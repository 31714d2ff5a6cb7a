"""Archives are unpacked whole and into their own folder, or not at all."""

import gzip
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from course_lib.data.archives import extract_archive
from course_lib.errors import CourseError

FILES = {"set/images/1 a.png": b"one", "set/images/zwei ü.png": b"", "labels.csv": b"x" * 5000}


def _zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def _tar(path: Path, files: dict[str, bytes], mode: str = "w:gz", **fields: object) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def _refused(path: Path, words: str, **options: float) -> None:
    """Assert that an archive is refused in one line with its name, and that nothing is left behind."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(CourseError, match=words) as caught:
        extract_archive(path, path.parent / "new", **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_whatever_its_packing_and_name(tmp_path: Path, mode: str) -> None:
    folder = extract_archive(_tar(tmp_path / "some set", FILES, mode), tmp_path / "deep" / "ü ber")
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["ü ber"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_is_unpacked_into_an_empty_folder(tmp_path: Path, method: int) -> None:
    (tmp_path / "new").mkdir()
    folder = extract_archive(_zip(tmp_path / "a.zip", {**FILES, "empty/": b""}, method), str(tmp_path / "new"))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert (folder / "empty").is_dir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_names_that_begin_with_a_dot_and_a_slash_are_right(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        archive.addfile(tarfile.TarInfo("./a.txt"))
    assert (extract_archive(tmp_path / "a.tar", tmp_path / "new") / "a.txt").is_file()


@pytest.mark.parametrize("name", ["new", "new/file"])
def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").write_bytes(b"mine")
    with pytest.raises(CourseError, match="is there already, with something in it; choose another folder"):
        extract_archive(_zip(tmp_path / "a.zip", FILES), tmp_path / name)
    assert (tmp_path / "new" / "file").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for folder in (tmp_path / "file" / "new", tmp_path / "a\0b"):
        with pytest.raises(CourseError, match=r"cannot be written .*; choose another folder"):
            extract_archive(_zip(tmp_path / "a.zip", FILES), folder)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "a/..",
        "/etc/evil",
        "//host/share/evil",
        "..\\evil",
        "C:\\evil",
        "C:evil",
        "a/./b",
        "a//b",
        "a\x01.txt",
        "a\nb",
    ],
)
@pytest.mark.parametrize("make", [_zip, _tar])
def test_a_member_that_climbs_out_is_refused(tmp_path: Path, name: str, make: object) -> None:
    path = make(tmp_path / "archive", {"good.txt": b"x", name: b"evil"})  # type: ignore[operator]
    _refused(path, "in it leads out of its folder, or nowhere; get it from its source again")


def test_a_name_that_zipfile_would_cut_at_a_zero_byte_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a!.txt": b"evil"})
    path.write_bytes(path.read_bytes().replace(b"a!.txt", b"a\0.txt"))
    _refused(path, r"'a\\x00\.txt' in it leads out of its folder, or nowhere")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = _tar(tmp_path / "a.tar.gz", {"passwords": b""}, type=kind, linkname="/etc/passwd")
    _refused(path, "'passwords' in it is a link or a device")


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("passwords")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    _refused(tmp_path / "a.zip", "'passwords' in it is a link or a device")


@pytest.mark.parametrize("make", [_zip, _tar])
def test_what_is_too_large_is_refused_by_what_it_declares(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "archive", {"a": bytes(600_000), "b": bytes(600_000)})  # type: ignore[operator]
    _refused(path, r"would unpack to at least 0\.0012 GB in 2 files, more than the 0\.001 GB", max_gb=0.001)
    with pytest.raises(ValueError, match="max_gb needs a number above 0, got -1"):
        extract_archive(path, tmp_path / "new", max_gb=-1)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.data.archives._MAX_MEMBERS", 2)
    _refused(_zip(tmp_path / "a.zip", FILES), "in 3 files, more than")


def test_a_huge_member_of_a_tar_is_refused_without_reading_on(tmp_path: Path) -> None:
    info = tarfile.TarInfo("huge")
    info.size = 10**12
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(1024)))
    _refused(tmp_path / "a.tar.gz", "would unpack to at least 1e.03 GB in 1 files")


def test_a_zip_whose_member_is_longer_than_it_declares_is_refused(tmp_path: Path) -> None:
    content = bytearray(_zip(tmp_path / "a.zip", {"a": bytes(10_000)}).read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # the size in the directory at the end
    assert int.from_bytes(content[place : place + 4], "little") == 10_000
    content[place : place + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    _refused(tmp_path / "a.zip", "is cut short or damaged")


def test_names_that_are_one_on_some_systems_are_refused(tmp_path: Path) -> None:
    _refused(_zip(tmp_path / "a.zip", {"a/B.txt": b"1", "A/b.txt": b"2"}), "'A/b.txt' comes twice in it")


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"a": b"1", "a/b": b"2"})
    with pytest.raises(CourseError, match="cannot be written"):
        extract_archive(path, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    content = bytearray(_zip(tmp_path / "a.zip", {"a": b"secret"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    _refused(tmp_path / "a.zip", "'a' in it is encrypted")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has zero bytes"),
        (b"<html>404 Not Found</html>", "is neither zip nor tar, or cut short; give a whole .zip or .tar.gz file"),
        (gzip.compress(b"hello" * 500), "is neither zip nor tar"),
        (b"PK\x03\x04", "is cut short or damaged"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(content)
    _refused(tmp_path / "a", words)
    with pytest.raises(CourseError, match="none: cannot be read"):
        extract_archive(tmp_path / "none", tmp_path / "new")


@pytest.mark.parametrize("make", [_zip, _tar])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_an_archive_cut_short_leaves_nothing(tmp_path: Path, make: object, share: float) -> None:
    rng = random.Random(0)
    path = make(tmp_path / "archive", {f"{i}.bin": rng.randbytes(3000) for i in range(5)})  # type: ignore[operator]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    _refused(path, r"(is cut short or damaged|is neither zip nor tar, or cut short).*")


def test_the_checksum_at_the_end_of_a_packed_tar_is_heeded(tmp_path: Path) -> None:
    content = bytearray(_tar(tmp_path / "a.tar.gz", FILES).read_bytes())
    content[-8] ^= 1
    (tmp_path / "a.tar.gz").write_bytes(content)
    _refused(tmp_path / "a.tar.gz", "is cut short or damaged .CRC check failed")


@pytest.mark.real_data
def test_a_real_archive_unpacks_to_its_2156_pictures(data_dir: Path, tmp_path: Path) -> None:
    folder = extract_archive(data_dir / "dsb2018_nuclei" / "stage1_train_subset.zip", tmp_path / "nuclei")
    assert len(list((folder / "stage1_train").iterdir())) == 50
    assert len(list(folder.rglob("masks/*.png"))) == 2106
