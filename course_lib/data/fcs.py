"""Flow cytometry: FCS files, spillover and its compensation, the scale on which populations are seen.

Follows the FCS 3.1 standard (Spidlen et al., Cytometry A 77:97, 2010); flowio reads versions 2.0 to 3.1. The spillover
matrix follows Bagwell and Adams (Ann NY Acad Sci 677:167, 1993): measured = true @ spillover, a row for each dye.
Differs: flowio takes fewer events than the file promises and invents a byte order; here both are errors.
"""

import io
import os
import re
import warnings
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.errors import CourseError

__all__ = ["FlowSample", "arcsinh_transform", "compensate", "read_fcs", "write_fcs"]

_LAYOUT = re.compile(  # keywords that say how the file is written; the arrays say the same
    r"p\d+[bdefglnoprstv]|(begin|end)(data|stext|analysis)|byteord|datatype|mode|nextdata|par|tot|timestep|spill(over)?"
)


@dataclass(frozen=True, eq=False)
class FlowSample:
    """One tube: what the detectors saw of every cell.

    Parameters
    ----------
    events : (N, C) float32 array
        A row for each event (mostly a cell), a column for each channel, in the units of the instrument.
    channels : tuple of C str
        Names of the detectors, as ``FSC-A`` or ``PE-A``, each once.
    markers : tuple of C str
        What was stained for, as ``CD19``; empty where nothing is named.
    spillover : (K, K) float64 array, optional
        ``spillover[i, j]`` is the part of dye i's light that detector j sees, as a share of what its own detector
        sees; 1 on the diagonal as a rule. None if there is none, or if it is used up.
    spillover_channels : tuple of K str
        The channels of its rows and columns.
    metadata : mapping of str to str
        Other keywords of the file, in small letters.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, a name is unknown or there twice, or the matrix is singular.

    Examples
    --------
    >>> sample = FlowSample(np.zeros((5, 2), np.float32), ("FSC-A", "PE-A"), ("", "CD19"))
    >>> sample.fluorescence_channels
    ('PE-A',)
    """

    events: NDArray[np.float32]
    channels: tuple[str, ...]
    markers: tuple[str, ...]
    spillover: NDArray[np.float64] | None = None
    spillover_channels: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        if self.events.ndim != 2 or self.events.shape[1] != len(self.channels) or not self.channels:
            raise ValueError(
                f"events needs a column for each of the {len(self.channels)} channels, got {self.events.shape}"
            )
        finite = np.isfinite(self.events)
        if not finite.all():
            raise ValueError(f"{finite.size - int(finite.sum())} of {finite.size} values are NaN or infinite")
        if len(self.markers) != len(self.channels):
            raise ValueError(f"markers needs one for each of the {len(self.channels)} channels, got {self.markers}")
        _check_names(self.channels)
        if self.spillover is not None:
            _check_spillover(self.spillover, self.spillover_channels, self.channels)

    @property
    def fluorescence_channels(self) -> tuple[str, ...]:
        """Channels that are neither scatter nor time."""
        return tuple(name for name in self.channels if name[:3].upper() not in ("FSC", "SSC", "TIM"))


def read_fcs(path: str | os.PathLike[str]) -> FlowSample:
    """Read one FCS file: events on a linear scale (logarithmic channels and gains undone), names, spillover.

    Parameters
    ----------
    path : path
        A .fcs file of version 2.0, 3.0 or 3.1 with one data set.

    Returns
    -------
    FlowSample
        Not compensated; the spillover stands beside the events if the file holds one (``$SPILLOVER`` or ``SPILL``).

    Raises
    ------
    CourseError
        If the file is missing, empty, cut short, damaged or of another kind, holds fewer or more events than it
        promises, none, or values that are no finite numbers, or a spillover that is singular or names unknown channels.

    References
    ----------
    J. Spidlen et al., "Data file standard for flow cytometry, version FCS 3.1", Cytometry A 77:97, 2010.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tube.fcs"
    >>> write_fcs(path, FlowSample(np.ones((3, 2), np.float32), ("FSC-A", "PE-A"), ("", "CD19")))
    >>> sample = read_fcs(path)
    >>> sample.events.shape, sample.channels, sample.markers
    ((3, 2), ('FSC-A', 'PE-A'), ('', 'CD19'))
    """
    path = Path(path)
    file = _parsed(path, _content(path))
    try:
        with np.errstate(all="ignore"):  # what overflows is infinite, and found below
            events = file.as_array().astype(np.float32)
        names = tuple(" ".join(name.split()) for name in file.pnn_labels)
        markers = tuple(" ".join(marker.split()) for marker in file.pns_labels)
    except Exception as error:  # flowio raises what Python happens to raise
        raise _damaged(path, error) from None
    if len(events) != file.event_count:
        raise CourseError(
            f"{path}: needs the {file.event_count} events that it promises, got {len(events)}; download it again"
        )
    if not len(events):
        raise CourseError(f"{path}: holds no events; give the file of another tube")
    words = {key.strip(): value.strip() for key, value in file.text.items() if not _LAYOUT.fullmatch(key)}
    metadata = {key: value for key, value in words.items() if key and value}
    try:
        spillover, spilled = _spillover(file.text)
        return FlowSample(events, names, markers, spillover, spilled, metadata)
    except ValueError as error:
        raise CourseError(f"{path}: {error}; export the tube again") from None


def write_fcs(path: str | os.PathLike[str], sample: FlowSample) -> None:
    """Write a tube as FCS 3.1, its spillover included; `read_fcs` gives the same sample back.

    Parameters
    ----------
    path : path
        Where to write; what lies there is replaced.
    sample : FlowSample
        At least one event; no word of it is blank (a marker may be), holds ``$`` or begins or ends with ``/``, and no
        name of a channel holds a comma.

    Raises
    ------
    ValueError
        If there are no events, or a name, marker or keyword could not be read again.
    CourseError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tube.fcs"
    >>> write_fcs(path, FlowSample(np.ones((3, 1), np.float32), ("PE-A",), ("CD19",), metadata={"src": "marrow"}))
    >>> read_fcs(path).metadata["src"]
    'marrow'
    """
    from flowio import create_fcs

    if not len(sample.events):
        raise ValueError("a file needs at least 1 event, got 0")
    words = {word: "metadata" for pair in sample.metadata.items() for word in pair}
    words |= {name: "markers" for name in sample.markers if name} | dict.fromkeys(sample.channels, "channels")
    for word, where in words.items():
        if word != word.strip().strip("/") or not word or "$" in word or (where == "channels" and "," in word):
            raise ValueError(f"{where}: {word!r} cannot be written; leave out $, commas and / or blanks at the ends")
    keywords = {key: value for key, value in sample.metadata.items() if not _LAYOUT.fullmatch(key.lower())}
    if sample.spillover is not None:
        numbers = [repr(float(value)) for value in sample.spillover.flat]
        keywords["spillover"] = ",".join([str(len(sample.spillover)), *sample.spillover_channels, *numbers])
    values = array("f")
    values.frombytes(np.ascontiguousarray(sample.events, dtype=np.float32).tobytes())
    buffer = io.BytesIO()
    create_fcs(buffer, values, list(sample.channels), list(sample.markers), keywords)
    try:
        Path(path).write_bytes(buffer.getbuffer())
    except OSError as error:
        raise CourseError(f"{path}: cannot be written ({error.strerror}); give a path in a folder of yours") from None


def compensate(sample: FlowSample) -> FlowSample:
    """Undo the spillover: measured @ inverse(spillover) on its channels; the rest stays.

    Parameters
    ----------
    sample : FlowSample
        With its spillover.

    Returns
    -------
    FlowSample
        Without spillover, since it is used up. Values below zero are noise, and stay.

    Raises
    ------
    ValueError
        If there is no spillover, so that nobody compensates twice.

    References
    ----------
    C. B. Bagwell and E. G. Adams, "Fluorescence spectral overlap compensation for any number of flow cytometry
    parameters", Ann NY Acad Sci 677:167, 1993.

    Examples
    --------
    A tenth of the light of FITC is seen as PE; a cell with 100 of FITC and none of PE was measured as (100, 10).

    >>> matrix = np.array([[1, 0.1], [0, 1]])
    >>> measured = np.array([[100, 10]], np.float32)
    >>> compensate(FlowSample(measured, ("FITC", "PE"), ("", ""), matrix, ("FITC", "PE"))).events.tolist()
    [[100.0, 0.0]]
    """
    if sample.spillover is None:
        raise ValueError("compensation needs a sample with its spillover; has it been compensated already?")
    columns = [sample.channels.index(name) for name in sample.spillover_channels]
    inverse = np.linalg.inv(sample.spillover).astype(np.float32)
    events = sample.events.copy()
    events[:, columns] = sample.events[:, columns] @ inverse
    return replace(sample, events=events, spillover=None, spillover_channels=())


def arcsinh_transform(values: ArrayLike, *, cofactor: float = 150) -> NDArray[np.floating[Any]]:
    """Return arcsinh(values / cofactor): straight around zero, logarithmic far from it, also for values below zero.

    Parameters
    ----------
    values : array
        Compensated values, of any shape.
    cofactor : float
        Where straight becomes logarithmic, above 0; 150 is the usual choice for fluorescence, 5 for mass cytometry.

    Returns
    -------
    array of floats
        Of the same shape; float32 stays float32.

    Raises
    ------
    ValueError
        If the cofactor is not a finite number above 0.

    Examples
    --------
    >>> np.round(arcsinh_transform([-150, 0, 150, 150_000]), 2).tolist()
    [-0.88, 0.0, 0.88, 7.6]
    """
    if not (np.isfinite(cofactor) and cofactor > 0):
        raise ValueError(f"cofactor needs a number above 0, got {cofactor}")
    numbers = np.asarray(values)
    kind = numbers.dtype if numbers.dtype.kind == "f" else np.dtype(np.float64)
    return np.arcsinh(numbers.astype(kind) / kind.type(cofactor))


def _content(path: Path) -> bytes:
    """Return the bytes of a file that begins as FCS does."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); give the path of a .fcs file") from None
    if not content:
        raise CourseError(f"{path}: has zero bytes; copy or download it again")
    if content[:3] != b"FCS":
        raise CourseError(f"{path}: is not FCS (its magic is missing or wrong); give a .fcs file")
    if content[3:6] not in (b"2.0", b"3.0", b"3.1"):
        version = content[3:6].decode("ascii", "replace")
        raise CourseError(f"{path}: needs FCS 2.0, 3.0 or 3.1, got {version!r}; export the tube as FCS 3.1")
    return content


def _parsed(path: Path, content: bytes) -> Any:
    """Let flowio read the bytes; whatever it raises or warns of is one error."""
    from flowio import FlowData
    from flowio.exceptions import MultipleDataSetsError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            file = FlowData(io.BytesIO(content))
    except MultipleDataSetsError:
        raise CourseError(f"{path}: holds several data sets, one is wanted; export each as a file of its own") from None
    except Exception as error:  # flowio raises what Python happens to raise
        raise _damaged(path, error) from None
    if file.text["mode"].upper() != "L":  # flowio looks for small letters only
        raise CourseError(f"{path}: holds histograms, events are wanted; export the tube as a list of events")
    if sorted(file.channels) != list(range(1, file.channel_count + 1)):
        raise CourseError(
            f"{path}: needs names for the {file.channel_count} channels that it promises, got {len(file.channels)}; "
            "copy or download it again"
        )
    return file


def _damaged(path: Path, error: Exception) -> CourseError:
    reason = " ".join(str(error).split()).encode("ascii", "backslashreplace").decode()[:100]
    return CourseError(f"{path}: is cut short or damaged ({type(error).__name__}: {reason}); copy or download it again")


def _spillover(text: Mapping[str, str]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the matrix and its channels from "K, K names, K·K numbers"; None where a file has none."""
    words = [" ".join(word.split()) for word in (text.get("spillover") or text.get("spill") or "").split(",")]
    if words == [""]:
        return None, ()
    size = int(words[0]) if words[0].isdecimal() and len(words[0]) < 5 else 0
    if not size or len(words) != 1 + size + size * size:
        raise ValueError(
            f"spillover needs a size K, K names and K·K numbers, got {words[0][:20]!r} and {len(words) - 1} words"
        )
    try:
        numbers = [float(word) for word in words[1 + size :]]
    except ValueError:
        raise ValueError("spillover needs numbers after its names") from None
    return np.array(numbers).reshape(size, size), tuple(words[1 : 1 + size])


def _check_names(names: tuple[str, ...]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(name.strip() for name in names):
        raise ValueError(f"each channel needs a name of its own, got {twice[0] if twice else ''!r} more than once")


def _check_spillover(matrix: NDArray[np.float64], spilled: tuple[str, ...], channels: tuple[str, ...]) -> None:
    if matrix.shape != (len(spilled), len(spilled)) or not spilled:
        raise ValueError(f"spillover needs a row and a column for each of {len(spilled)} channels, got {matrix.shape}")
    unknown = [name for name in spilled if name not in channels]
    if unknown:
        raise ValueError(f"spillover names the channel {unknown[0]!r}, which is not among {', '.join(channels)}")
    _check_names(spilled)
    if not np.isfinite(matrix).all():
        raise ValueError("spillover needs finite numbers, got NaN or infinite ones")
    if not np.linalg.cond(matrix) < 1e6:  # float32 holds 7 digits
        raise ValueError("spillover is singular, so no compensation can be computed")
