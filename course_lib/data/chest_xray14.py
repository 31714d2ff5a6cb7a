"""The layout of ChestX-ray14: one table of findings, and the X-rays in folders beside it.

Follows Wang et al., "ChestX-ray8: Hospital-scale chest X-ray database and benchmarks on weakly-supervised
classification and localization of common thorax diseases", 2017: 112,120 frontal X-rays of 30,805 patients, 14 findings
that a program took from the reports' text, so some are wrong. Its table is known to hold a few impossible ages; those
above 120 years become NaN.
"""

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course_lib.data.door import file_bytes, open_picture
from course_lib.errors import CourseError

__all__ = ["CHEST_XRAY14_FINDINGS", "ChestXray14", "read_chest_xray14"]

CHEST_XRAY14_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)

_DAYS_PER_YEAR = 365.25
_YEARS_PER_UNIT = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / _DAYS_PER_YEAR, "D": 1 / _DAYS_PER_YEAR}
_LISTS = ("train_val_list.txt", "test_list.txt")


@dataclass(frozen=True, eq=False)
class ChestXray14:
    """The table of findings, one row an X-ray; the X-rays themselves stay on the disk until `load_image`.

    Parameters
    ----------
    image_paths : N paths
    labels : (N, 14) bool array
        In the order of `CHEST_XRAY14_FINDINGS`; no finding is a row of False.
    patient_ids : (N,) str array
        As in the table; split by these.
    ages_years : (N,) float32 array
        NaN where the table tells none, or an impossible one.
    sexes : (N,) str array
        ``"F"``, ``"M"``, or nothing where the table tells none.
    views : (N,) str array
        ``"PA"`` (standing, from back to front), ``"AP"`` (mostly in bed: the sicker), or nothing.
    train_val, test : int64 arrays, or None
        Rows of the official split, by patient, where its two lists lie beside the table.
    num_missing : int
        Rows of the table that were left out because their X-rays are not there.
    """

    image_paths: tuple[Path, ...]
    labels: NDArray[np.bool_]
    patient_ids: NDArray[np.str_]
    ages_years: NDArray[np.float32]
    sexes: NDArray[np.str_]
    views: NDArray[np.str_]
    train_val: NDArray[np.int64] | None
    test: NDArray[np.int64] | None
    num_missing: int

    def __len__(self) -> int:
        return len(self.image_paths)

    def load_image(self, index: int, *, size: int | None = None) -> NDArray[np.float32]:
        """Read one X-ray from the disk.

        Parameters
        ----------
        index : int
            Its row, 0 … N − 1.
        size : int, optional
            Height and width to bring it to (by averaging; what is not square is stretched); as stored without it.

        Returns
        -------
        (H, W) float32 array
            0 black … 1 white.

        Raises
        ------
        ValueError
            If there is no such row, or the size is below 1.
        CourseError
            If the file is no picture, damaged, or neither grey nor colour.
        """
        if not 0 <= index < len(self):
            raise ValueError(f"index needs a row from 0 to {len(self) - 1}, got {index}")
        if size is not None and not 1 <= size <= 8192:
            raise ValueError(f"size needs 1 to 8192 pixels, got {size}")
        path = self.image_paths[index]
        picture = open_picture(str(path), file_bytes(path, wanted="an X-ray"))
        if picture.mode in ("L", "LA", "P", "RGB", "RGBA"):  # some are stored in colour, and are grey
            values = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
        elif picture.mode.startswith("I;16"):
            values = np.asarray(picture).astype(np.float32) / np.float32(65535)
        else:
            raise CourseError(f"{path}: needs 8 or 16 bits of grey, got mode {picture.mode}; download it again")
        if size is not None:
            values = np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR))
        return np.clip(values, 0, 1)


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    findings: tuple[str, ...]
    patient: str
    age_years: float
    sex: str
    view: str


def read_chest_xray14(
    folder: str | os.PathLike[str], *, table: str | os.PathLike[str] | None = None, skip_missing: bool = False
) -> ChestXray14:
    r"""Read a folder in the layout of ChestX-ray14.

    Parameters
    ----------
    folder : path
        Holds ``Data_Entry_2017….csv``, the X-rays in ``images/`` or in ``images_001/images/``, ``images_002/images/``
        and so on, and, if the official split is wanted, ``train_val_list.txt`` and ``test_list.txt``.
    table : path, optional
        The table, if it has another name or place.
    skip_missing : bool
        Whether to leave out rows whose X-rays are not there, as when only some archives were downloaded; else they are
        an error.

    Returns
    -------
    ChestXray14
        Rows in the order of the table.

    Raises
    ------
    CourseError
        If the table is missing, damaged or without a column, a row has an unknown finding or another wrong entry, an
        X-ray stands in the table twice or is not on the disk, or the lists do not fit the table or share a patient.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "images").mkdir()
    >>> Image.new("L", (4, 4), 51).save(folder / "images" / "1.png")
    >>> _ = (folder / "Data_Entry_2017.csv").write_text(
    ...     "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n"
    ...     "1.png,Mass|Effusion,7,058Y,F,PA\n"
    ... )
    >>> data = read_chest_xray14(folder)
    >>> [name for name, there in zip(CHEST_XRAY14_FINDINGS, data.labels[0], strict=True) if there]
    ['Effusion', 'Mass']
    >>> data.ages_years.tolist(), data.load_image(0, size=1).tolist()
    ([58.0], [[0.20000000298023224]])
    """
    folder = Path(folder)
    table = Path(table) if table is not None else _find_table(folder)
    rows = list(_rows(table))
    if not rows:
        raise CourseError(f"{table}: holds no X-rays below its first line; download it again")
    _check_once(table, rows)
    files = _files(folder)
    there = [row for row in rows if row.image in files]
    if not there or (len(there) < len(rows) and not skip_missing):
        first = next(row.image for row in rows if row.image not in files)
        raise CourseError(
            f"{folder}: lacks {len(rows) - len(there)} of {len(rows)} X-rays of {table.name}, the first is {first}; "
            "put them into images/, or use skip_missing=True"
        )
    train_val, test = _official_split(folder, rows, there)
    return ChestXray14(
        image_paths=tuple(files[row.image] for row in there),
        labels=np.array([[name in row.findings for name in CHEST_XRAY14_FINDINGS] for row in there]),
        patient_ids=np.array([row.patient for row in there]),
        ages_years=np.array([row.age_years for row in there], dtype=np.float32),
        sexes=np.array([row.sex for row in there]),
        views=np.array([row.view for row in there]),
        train_val=train_val,
        test=test,
        num_missing=len(rows) - len(there),
    )


def _find_table(folder: Path) -> Path:
    found = sorted(folder.glob("Data_Entry_2017*.csv")) if folder.is_dir() else []
    if len(found) != 1:
        came = ", ".join(path.name for path in found) or "none"
        raise CourseError(f"{folder}: needs one table Data_Entry_2017*.csv, got {came}; name yours with table=")
    return found[0]


def _text(path: Path, wanted: str) -> str:
    try:
        return file_bytes(path, wanted=wanted).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(f"{path}: is no text in UTF-8 (byte {error.start}); download it again") from None


def _rows(table: Path) -> Iterator[_Row]:
    """Yield the rows of the table."""
    reader = csv.reader(io.StringIO(_text(table, "a table .csv"), newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        names = ["Patient Gender" if name == "Patient Sex" else name for name in names]  # the edition of 2020
        wanted = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise CourseError(f"{table}: lacks the columns {', '.join(missing)}; give the table of ChestX-ray14")
        places = [names.index(name) for name in wanted]
        for cells in reader:
            if not cells:
                continue
            if len(cells) <= max(places):
                raise CourseError(
                    f"{table}, line {reader.line_num}: needs {len(names)} columns, got {len(cells)}; download it again"
                )
            yield _row(f"{table}, line {reader.line_num}", reader.line_num, [cells[place].strip() for place in places])
    except csv.Error as error:
        raise CourseError(f"{table}, line {reader.line_num}: is damaged ({error}); download it again") from None


def _row(where: str, line: int, cells: Sequence[str]) -> _Row:
    """Check one row."""
    for cell in cells:
        if len(cell) > 300 or not cell.isprintable():
            raise CourseError(
                f"{where}: is damaged (a cell holds {len(cell)} characters, {cell[:20]!r} …); download it again"
            )
    image, findings, patient, age, sex, view = cells
    if not image or not patient:
        raise CourseError(f"{where}: needs an Image Index and a Patient ID, got {image!r} and {patient!r}")
    if sex not in ("F", "M", ""):
        raise CourseError(f"{where}: Patient Gender needs F, M or nothing, got {sex!r}")
    if view not in ("PA", "AP", ""):
        raise CourseError(f"{where}: View Position needs PA, AP or nothing, got {view!r}")
    return _Row(line, image, _findings(where, findings), patient, _age_years(where, age), sex, view)


def _findings(where: str, text: str) -> tuple[str, ...]:
    """Take ``A|B`` apart."""
    names = tuple(name.strip() for name in text.split("|"))
    if names == ("No Finding",):
        return ()
    for name in names:
        if name == "No Finding":
            raise CourseError(f"{where}: 'No Finding' stands beside findings in {text!r}; it needs to stand alone")
        if name not in CHEST_XRAY14_FINDINGS:
            raise CourseError(
                f"{where}: unknown finding {name!r}; the findings are {', '.join(CHEST_XRAY14_FINDINGS)}, or No Finding"
            )
    if len(set(names)) < len(names):
        raise CourseError(f"{where}: a finding stands twice in {text!r}; name each once")
    return names


def _age_years(where: str, text: str) -> float:
    """Read ``058Y``, ``010M`` or ``58``."""
    match = re.fullmatch(r"([0-9]{1,4})([YMWD]?)", text)
    if text and not match:
        raise CourseError(f"{where}: Patient Age needs a number such as 58 or 058Y, got {text!r}")
    years = float(match[1]) * _YEARS_PER_UNIT[match[2]] if match else np.nan
    return years if years <= 120 else np.nan


def _check_once(table: Path, rows: Sequence[_Row]) -> None:
    """Raise if an X-ray stands in the table twice."""
    lines: dict[str, int] = {}
    for row in rows:
        if row.image in lines:
            raise CourseError(
                f"{table}, line {row.line}: {row.image} stands in line {lines[row.image]} already; keep one of them"
            )
        lines[row.image] = row.line


def _files(folder: Path) -> dict[str, Path]:
    """Find the X-rays on the disk by their names."""
    places = [folder / "images", *sorted(folder.glob("images_*"))]
    files: dict[str, Path] = {}
    for place in [*places, *(place / "images" for place in places)]:
        for path in sorted(place.glob("*.png")) if place.is_dir() else []:
            if path.name in files:
                raise CourseError(f"{path}: lies in {files[path.name].parent} too; keep one of them")
            files[path.name] = path
    return files


def _official_split(
    folder: Path, rows: Sequence[_Row], there: Sequence[_Row]
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Return the rows of the official lists, (train_val, test), or None twice where there are none."""
    have = [name for name in _LISTS if (folder / name).is_file()]
    if not have:
        return None, None
    if len(have) == 1:
        raise CourseError(f"{folder}: holds {have[0]} without the other of {' and '.join(_LISTS)}; download both")
    by_image = {row.image: row for row in rows}
    listed = {name: _listed(folder / name, by_image) for name in _LISTS}
    both = {row.patient for row in listed[_LISTS[0]]} & {row.patient for row in listed[_LISTS[1]]}
    if both:
        raise CourseError(
            f"{folder}: patient {min(both)} stands in both {' and '.join(_LISTS)}, and so do {len(both) - 1} more; "
            "download them again"
        )
    part = {row.image: name for name in _LISTS for row in listed[name]}
    neither = [row.image for row in rows if row.image not in part]
    if neither:
        raise CourseError(
            f"{folder}: {len(neither)} X-rays of the table stand neither in {' nor in '.join(_LISTS)}, the first is "
            f"{neither[0]}; download all three again"
        )
    parts = [part.get(row.image) for row in there]
    train_val, test = (np.array([i for i, p in enumerate(parts) if p == name], dtype=np.int64) for name in _LISTS)
    return train_val, test


def _listed(path: Path, by_image: Mapping[str, _Row]) -> list[_Row]:
    """Return the rows that a list names."""
    names = [line.strip() for line in _text(path, "a list of X-rays").split("\n")]
    for line, name in enumerate(names, start=1):
        if name and name not in by_image:
            raise CourseError(f"{path}, line {line}: {name[:80]!r} is not in the table; download both again")
    return [by_image[name] for name in names if name]
