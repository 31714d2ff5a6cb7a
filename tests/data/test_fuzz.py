"""Damaged copies of every format that the course reads: each is read, or refused in one line, and nothing else happens.

Damage is seeded: flipped bits, mostly at the beginning, where headers stand; an end that is missing; a stretch of
zeros; a stretch that stands there twice. Packed formats are also damaged before they are packed, since their checksums
would else hide what lies behind them. Other exceptions, warnings and printed words fail the test.
"""

import gzip
import io
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.data import get_testdata_file

from course_lib.data.archives import extract_archive
from course_lib.data.chest_xray14 import read_chest_xray14
from course_lib.data.dicom_series import read_dicom_series
from course_lib.data.fcs import FlowSample, read_fcs, write_fcs
from course_lib.data.instance_masks import read_nuclei, touching_pairs
from course_lib.data.medmnist import read_medmnist
from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.nrrd import read_nrrd, read_nrrd_mask
from course_lib.data.slides import open_slide
from course_lib.errors import CourseError

VOXELS = np.random.default_rng(3).integers(-1000, 1000, (5, 4, 3)).astype("<i2")


@dataclass(frozen=True)
class Format:
    """How a good file is made, read, and packed after damage; `name` is its place below a folder."""

    name: str
    make: Callable[[], bytes]
    read: Callable[[Path], object]  # gets the folder
    pack: Callable[[bytes], bytes] = bytes
    rounds: int = 60
    siblings: Callable[[Path], None] = lambda folder: None  # what else lies in the folder


def _random() -> np.random.Generator:
    """Start anew, so that a file is the same whichever tests ran before."""
    return np.random.default_rng(5)


def _nifti(kind: type = nibabel.Nifti1Image) -> bytes:
    return kind(VOXELS, np.diag([-1.0, -2.0, 3.0, 1.0])).to_bytes()


def _nrrd(pack: Callable[[bytes], bytes] = bytes, encoding: str = "raw") -> bytes:
    header = (
        "NRRD0004\n# a comment\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 5 4 3\n"
        "space directions: (1,0,0) (0,2,0) (0,0,3)\nkinds: domain domain domain\nendian: little\n"
        f'encoding: {encoding}\nspace units: "mm" "mm" "mm"\nspace origin: (-10,20,30)\n\n'
    )
    return header.encode() + pack(VOXELS.tobytes("F"))


def _npz(save: Callable[..., None]) -> bytes:
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = _random().integers(0, 256, (3, 6, 6)).astype(np.uint8)
        arrays[f"{part}_labels"] = np.array([[0], [1], [2]], np.uint8)
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def _dicom() -> bytes:
    one = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    one.remove_private_tags()
    one.Rows, one.Columns, one.PixelData = 4, 3, np.arange(12, dtype=np.int16).tobytes()
    one.pop("DataSetTrailingPadding", None)
    file = io.BytesIO()
    one.save_as(file)
    return file.getvalue()


def _png(array: np.ndarray | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_random().integers(0, 256, (9, 8)).astype(np.uint8) if array is None else array).save(file, "PNG")
    return file.getvalue()


def _with_checksums(png: bytes) -> bytes:
    """Mend the checksums of a damaged PNG as far as its chunks can be followed."""
    out, place = bytearray(png), 8
    while place + 12 <= len(out):
        end = place + 8 + int.from_bytes(out[place : place + 4], "big")
        out[end : end + 4] = zlib.crc32(out[place + 4 : end]).to_bytes(4, "big") if end + 4 <= len(out) else b""
        place = end + 4
    return bytes(out)


def _nuclei(pack: int = zipfile.ZIP_DEFLATED) -> bytes:
    labels = np.zeros((9, 8), np.uint8)
    labels[1:4, 1:4], labels[4:8, 1:5] = 1, 2
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", pack) as archive:
        archive.writestr("set/one/images/one.png", _png())
        for number in (1, 2):
            archive.writestr(f"set/one/masks/{number}.png", _png((labels == number).astype(np.uint8) * 255))
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a/b.txt", "ü" * 70, "c.txt"):
            info = tarfile.TarInfo(name)
            info.size = 30
            archive.addfile(info, io.BytesIO(bytes(30)))
    return file.getvalue()


TABLE = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,Width,\n"
    '1.png,Mass|Edema,0,1,058Y,M,PA,2682,\n2.png,"No Finding",0,2,59,F,AP,2682,\n'
)


def _x_rays(folder: Path) -> None:
    (folder / "images").mkdir()
    for name in ("1.png", "2.png"):
        (folder / "images" / name).write_bytes(_png())
    (folder / "Data_Entry_2017.csv").write_text(TABLE, encoding="utf-8")
    (folder / "train_val_list.txt").write_text("1.png\n", encoding="utf-8")
    (folder / "test_list.txt").write_text("2.png\n", encoding="utf-8")


def _load_x_ray(folder: Path) -> object:
    return read_chest_xray14(folder, skip_missing=True).load_image(0, size=4)


def _other_slice(folder: Path) -> None:
    one = pydicom.dcmread(io.BytesIO(_dicom()))
    one.ImagePositionPatient[2] += 5
    one.save_as(folder / "b")


def _tube(folder: Path) -> None:
    events = _random().normal(100, 30, (20, 3)).astype(np.float32)
    spillover = np.array([[1, 0.2], [0.1, 1]])
    write_fcs(folder / "x.fcs", FlowSample(events, ("FSC-A", "A", "B"), ("", "CD3", ""), spillover, ("A", "B")))


def _made(write: Callable[[Path], None], name: str) -> bytes:
    """Return the bytes of a file that can only be written into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        return (Path(folder) / name).read_bytes()


def _slide(encode: Callable[[np.ndarray], bytes], code: int) -> bytes:
    """Write a pyramid of two levels with nine tiles and four, packed by a code of TIFF."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for edge, options in ((3, {"resolution": (20000, 20000), "resolutionunit": 3}), (2, {"subfiletype": 1})):
            tiles = (encode(tile) for tile in _random().integers(0, 256, (edge * edge, 16, 16, 3)).astype(np.uint8))
            tiff.write(
                tiles,
                shape=(16 * edge, 16 * edge, 3),
                dtype=np.uint8,
                tile=(16, 16),
                photometric="rgb",
                compression="zlib",
                **options,
            )
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        for page in tiff.pages:
            page.tags["Compression"].overwrite(code)
    return file.getvalue()


def _jpeg(tile: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tile).save(file, "JPEG", quality=80)
    return file.getvalue()


def _read_slide(folder: Path) -> object:
    with open_slide(folder / "x.tif") as slide:
        return [slide.read_region(0, 0, 50, 50, level=level) for level in range(len(slide.levels))]


def _extract(folder: Path) -> object:
    try:
        return extract_archive(folder / "x", folder / "new", max_gb=0.01)
    finally:
        assert {path.name for path in folder.iterdir()} <= {"x", "new"}, "something half-written is left"
        shutil.rmtree(folder / "new", ignore_errors=True)


FORMATS = {
    "nii": Format("x.nii", _nifti, lambda folder: read_nifti(folder / "x.nii").reoriented_to_ras()),
    "nii 2": Format("x.nii", lambda: _nifti(nibabel.Nifti2Image), lambda folder: read_nifti_mask(folder / "x.nii")),
    "nii.gz": Format("x.nii.gz", lambda: gzip.compress(_nifti()), lambda folder: read_nifti(folder / "x.nii.gz")),
    "nii in gz": Format(
        "x.nii.gz", _nifti, lambda folder: read_nifti(folder / "x.nii.gz", fill=0), pack=lambda b: gzip.compress(b, 1)
    ),
    "dicom": Format("a", _dicom, read_dicom_series, siblings=_other_slice),
    "nrrd": Format("x.nrrd", _nrrd, lambda folder: read_nrrd(folder / "x.nrrd").reoriented_to_ras()),
    "nrrd gzip": Format(
        "x.nrrd", lambda: _nrrd(gzip.compress, "gzip"), lambda folder: read_nrrd_mask(folder / "x.nrrd")
    ),
    "npz": Format("x.npz", lambda: _npz(np.savez), lambda folder: read_medmnist(folder / "x.npz")),
    "npz packed": Format("x.npz", lambda: _npz(np.savez_compressed), lambda folder: read_medmnist(folder / "x.npz")),
    "csv": Format("Data_Entry_2017.csv", TABLE.encode, _load_x_ray, siblings=_x_rays),
    "list": Format("test_list.txt", b"2.png\n".strip, _load_x_ray, siblings=_x_rays),
    "png": Format("images/1.png", _png, _load_x_ray, pack=_with_checksums, siblings=_x_rays),
    "masks": Format("x.zip", _nuclei, lambda folder: [touching_pairs(a.labels) for a in read_nuclei(folder / "x.zip")]),
    "zip": Format("x", lambda: _nuclei(zipfile.ZIP_STORED), _extract),
    "tar": Format("x", _tar, _extract),
    "tar in gz": Format("x", _tar, _extract, pack=lambda b: gzip.compress(b, 1)),
    "fcs": Format("x.fcs", lambda: _made(_tube, "x.fcs"), lambda folder: read_fcs(folder / "x.fcs")),
    "tiff": Format("x.tif", lambda: _slide(lambda tile: zlib.compress(tile.tobytes()), 8), _read_slide),
    "tiff jpeg": Format("x.tif", lambda: _slide(_jpeg, 7), _read_slide),
}


def _damaged(good: bytes, rng: np.random.Generator) -> bytes:
    """Return a copy with one kind of damage."""
    copy, kind = bytearray(good), rng.integers(10)
    if kind < 6:
        reach = len(copy) if kind < 3 else min(len(copy), 400)
        for place in rng.integers(0, reach, rng.integers(1, 9)):
            copy[place] ^= 1 << int(rng.integers(8))
    elif kind < 8:
        copy = copy[: rng.integers(len(copy))]
    else:
        start, length = int(rng.integers(len(copy))), int(rng.integers(1, 40))
        stretch = bytes(len(copy[start : start + length])) if kind == 8 else copy[start : start + length] * 2
        copy[start : start + length] = stretch
    return bytes(copy)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_copies_are_read_or_refused_and_nothing_else(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    one = FORMATS[name]
    one.siblings(tmp_path)
    path = tmp_path / one.name
    good = one.make()
    path.write_bytes(one.pack(good))
    assert one.read(tmp_path) is not None
    rng, messages = np.random.default_rng(list(name.encode())), []
    for round_ in range(one.rounds):
        path.write_bytes(one.pack(_damaged(good, rng)))
        try:
            one.read(tmp_path)
        except CourseError as error:
            messages.append(str(error))
        except BaseException:
            print(f"round {round_} of {name}")
            raise
    assert len(messages) >= one.rounds // 20, "damage is noticed now and then"
    for message in messages:
        assert "\n" not in message, message
        assert message.startswith(str(tmp_path)), message
        assert len(message) < 400, message
    assert capfd.readouterr() == ("", "")
