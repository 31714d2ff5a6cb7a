"""Published weights: from a file, or by the name of a net, into a net of this zoo, and never half of them.

Source: the weights that torchvision 0.28.0 publishes for ImageNet's 1000 classes (for ResNets the first of its two
sets). The end of each file's name is the beginning of the file's SHA-256, which is compared after the download.

No weights lie in this repository; a download goes to torch.hub's own folder, outside of it. torchvision is under the
BSD-3-Clause licence and grants no licence for the weights: "pre-trained models … may have their own licenses or terms
and conditions derived from the dataset used for training". ImageNet's terms are non-commercial research and education.
Who uses them cites the paper of the net (see its file), O. Russakovsky et al., "ImageNet large scale visual recognition
challenge", IJCV 115, 2015, and torchvision.

What the files hold, and what follows for their use:

- Each net wants its images scaled as it was trained: see `Published`. GoogLeNet's and Inception v3's weights came from
  TensorFlow and want −1 … 1. No net of the zoo scales inside of its `forward`.
- GoogLeNet's and Inception v3's files hold auxiliary heads. In a net without such heads they are left out, and named in
  the report. Those in GoogLeNet's file were never trained: train them before you trust their loss.
- DenseNet's files are of 2017 and name some layers `norm.1` where `norm1` is meant: read as such.
- Files of before 2018 lack batch norm's counters of batches, which nothing here reads: set to 0.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError

__all__ = ["PUBLISHED", "LoadReport", "Published", "load_weights"]

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Published:
    """One published file, and the images that its net was trained on.

    Attributes
    ----------
    url : str
        Address of the file.
    mean, std : tuple of float
        For red, green, blue from 0 to 1, the net reads ``(image − mean) / std``.
    size_pixels : int
        Height and width of the images with which the published accuracies were measured.
    """

    url: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size_pixels: int = 224

    @property
    def sha256(self) -> str:
        """The first digits of the file's SHA-256, which its name ends in.

        Examples
        --------
        >>> PUBLISHED["resnet18"].sha256
        'f37072fd'
        """
        return self.url.rpartition("-")[2].removesuffix(".pth")


_FOLDER = "https://download.pytorch.org/models/"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and standard deviation of ImageNet's colours
_PLUS_MINUS_1 = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # (image − 0.5) / 0.5 is −1 … 1

PUBLISHED: Mapping[str, Published] = {
    "alexnet": Published(_FOLDER + "alexnet-owt-7be5be79.pth", *_IMAGENET),
    "densenet121": Published(_FOLDER + "densenet121-a639ec97.pth", *_IMAGENET),
    "densenet161": Published(_FOLDER + "densenet161-8d451a50.pth", *_IMAGENET),
    "densenet169": Published(_FOLDER + "densenet169-b2777c0a.pth", *_IMAGENET),
    "densenet201": Published(_FOLDER + "densenet201-c1103571.pth", *_IMAGENET),
    "googlenet": Published(_FOLDER + "googlenet-1378be20.pth", *_PLUS_MINUS_1),
    "inception_v3": Published(_FOLDER + "inception_v3_google-0cc3c7bd.pth", *_PLUS_MINUS_1, size_pixels=299),
    "resnet18": Published(_FOLDER + "resnet18-f37072fd.pth", *_IMAGENET),
    "resnet34": Published(_FOLDER + "resnet34-b627a593.pth", *_IMAGENET),
    "resnet50": Published(_FOLDER + "resnet50-0676ba61.pth", *_IMAGENET),
    "resnet101": Published(_FOLDER + "resnet101-63fe2227.pth", *_IMAGENET),
    "resnet152": Published(_FOLDER + "resnet152-394f9c45.pth", *_IMAGENET),
    "vgg11": Published(_FOLDER + "vgg11-8a719046.pth", *_IMAGENET),
    "vgg11_bn": Published(_FOLDER + "vgg11_bn-6002323d.pth", *_IMAGENET),
    "vgg13": Published(_FOLDER + "vgg13-19584684.pth", *_IMAGENET),
    "vgg13_bn": Published(_FOLDER + "vgg13_bn-abd245e5.pth", *_IMAGENET),
    "vgg16": Published(_FOLDER + "vgg16-397923af.pth", *_IMAGENET),
    "vgg16_bn": Published(_FOLDER + "vgg16_bn-6c64b313.pth", *_IMAGENET),
    "vgg19": Published(_FOLDER + "vgg19-dcbb9e9d.pth", *_IMAGENET),
    "vgg19_bn": Published(_FOLDER + "vgg19_bn-c79401a0.pth", *_IMAGENET),
}

_AUXILIARY = ("aux1", "aux2", "AuxLogits")  # the heads of GoogLeNet and of Inception v3 that only training uses


@dataclass(frozen=True)
class LoadReport:
    """What `load_weights` did, tensor by tensor, by their names in `state_dict()`.

    Attributes
    ----------
    path : Path
        The file.
    loaded : tuple of str
        Tensors of the net that now have the file's numbers.
    averaged : tuple of str
        Those among them that were made from the file's RGB kernels.
    fresh : tuple of str
        Tensors of the net that kept their own numbers: heads that are to be trained.
    left_out : tuple of str
        Tensors of the file that are not in the net now.
    """

    path: Path
    loaded: tuple[str, ...]
    averaged: tuple[str, ...]
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{self.path.name}: {len(self.loaded)} tensors loaded"]
        for words, names in (("averaged", self.averaged), ("fresh", self.fresh), ("left out", self.left_out)):
            if names:
                parts.append(f"{words}: {', '.join(dict.fromkeys(_layer(name) for name in names))}")
        return "; ".join(parts)


def load_weights(
    net: nn.Module,
    source: str | Path,
    *,
    sha256: str | None = None,
    replace_head: bool = False,
    average_colours: bool = False,
    progress: bool = True,
) -> LoadReport:
    """Give a net the weights of a file, all of them or none: everything is checked before the net is touched.

    Parameters
    ----------
    net : nn.Module
        A net of the same layers. It stays where it is (device) and as it is (dtype, training or evaluation mode).
    source : str or Path
        A file of tensors, as ``torch.save(net.state_dict(), path)`` writes it, or a name in `PUBLISHED`, whose file is
        downloaded once to torch.hub's folder (`torch.hub.get_dir`, see there for how to move it). A Path is a file.
    sha256 : str, optional
        The file's SHA-256, or at least its first 8 hex digits. For a name, those of the table are compared in any case.
    replace_head : bool
        Load everything but the layers that give a score to each class: the last layer, and the last of each auxiliary
        head. They keep the net's fresh weights, for other classes than the file's. Auxiliary heads that the file lacks
        stay fresh too.
    average_colours : bool
        Let a net of n input channels take over a first layer for red, green and blue: each of its n kernels becomes the
        mean of the three colours' kernels times 3/n. So for an image that is the same in all n channels the net gives
        what the published one gives for it in all three colours; with the mean alone, the first layer would answer with
        n/3 of that. (Meant of images that are scaled already; take the means of `Published.mean` and of `.std`.)
    progress : bool
        Show the progress of a download on the error stream.

    Returns
    -------
    LoadReport
        Which tensors were loaded, averaged, kept fresh and left out.

    Raises
    ------
    CourseError
        If the file is not there, cannot be downloaded, is damaged, has another checksum, holds anything but tensors
        (nothing else is ever unpickled), is of another net, of other classes (see `replace_head`) or of other channels
        (see `average_colours`). The net is then as it was before.
    ValueError
        If sha256 is no such digits, or the net has sizes but no numbers (device "meta").

    Examples
    --------
    >>> import tempfile
    >>> colour, grey = (nn.Sequential(nn.Conv2d(c, 4, 3), nn.Flatten(), nn.Linear(4, k)) for c, k in ((3, 9), (1, 2)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save(colour.state_dict(), f"{folder}/nine.pth")
    ...     print(load_weights(grey, f"{folder}/nine.pth", replace_head=True, average_colours=True))
    nine.pth: 2 tensors loaded; averaged: 0; fresh: 2; left out: 2
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{8,64}", sha256):
        raise ValueError(f"sha256 is the file's SHA-256, or at least its first 8 hex digits, got {sha256!r}")
    own: Weights = net.state_dict()
    if any(value.is_meta for value in own.values()):
        raise ValueError("wanted a net that holds numbers, got one on the device meta: build it outside of that device")
    published = PUBLISHED.get(source) if isinstance(source, str) else None
    path = Path(source) if published is None else _download(published, progress)
    saved = _read(path, checksums=[published.sha256 if published else "", sha256 or ""])
    saved = _missing_counters(saved, own) | saved

    heads = _heads(own)
    fresh, left_out = _exempt(own, saved, heads if replace_head else set())
    chosen = {name: value for name, value in saved.items() if name not in left_out}
    first = next(iter(own), "")
    averaged = (first,) if _other_channels(own.get(first), chosen.get(first)) else ()
    _refuse_other_net(path, {name: own[name] for name in own if name not in fresh}, chosen, heads, averaged)
    if averaged and not average_colours:
        came = f"reads red, green and blue, this net {own[first].shape[1]} channels"
        raise CourseError(f"{path} {came}: pass average_colours=True to take the mean of the three colours' kernels")
    for name in averaged:
        chosen[name] = (chosen[name].sum(dim=1, keepdim=True) / own[name].shape[1]).expand_as(own[name])

    net.load_state_dict(own | chosen)
    return LoadReport(path, tuple(name for name in own if name in chosen), averaged, tuple(fresh), tuple(left_out))


def _download(published: Published, progress: bool) -> Path:
    """Give the file's place in torch.hub's folder, and put it there if it is missing, whole or not at all."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / published.url.rpartition("/")[2]
    if path.exists():
        return path
    by_hand = "try again, or download it by hand and name the file"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(published.url, str(path), hash_prefix=published.sha256, progress=progress)
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()  # it is the server's answer, and open
        raise CourseError(f"{published.url} could not be downloaded to {path}, {_line(error)}: {by_hand}") from error
    except RuntimeError as error:  # this is how torch.hub says that the checksum is another
        raise CourseError(f"{published.url} came broken, {_line(error)}: {by_hand}") from error
    return path


def _read(path: Path, checksums: Iterable[str]) -> Weights:
    """Read a file of tensors whose SHA-256 begins with each of the checksums."""
    if not path.is_file():
        raise CourseError(f"{path}: there is no such file; wanted a file of weights, or one of {', '.join(PUBLISHED)}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for wanted in checksums:
        if not digest.startswith(wanted.lower()):
            raise CourseError(
                f"{path} is damaged, or another file: wanted SHA-256 {wanted}, got {digest}; delete it and get it again"
            )
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load meets a damaged file with errors of many kinds
        raise CourseError(
            f"{path} is damaged, or holds more than tensors, which is never read: get it again"
        ) from error
    if not isinstance(saved, dict) or not saved or not all(_is_plain(*item) for item in saved.items()):
        raise CourseError(f"{path} is no file of weights: wanted tensors by their names, as net.state_dict() has them")
    return {re.sub(r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name): saved[name] for name in saved}


def _is_plain(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and not value.is_complex() and not value.is_quantized


def _missing_counters(saved: Weights, own: Weights) -> Weights:
    """Give each batch norm of a file that is older than the counters of batches a counter of 0."""
    names = [name for name in own if name.endswith(".num_batches_tracked") and name not in saved]
    return {name: torch.tensor(0) for name in names if f"{_layer(name)}.running_mean" in saved}


def _exempt(own: Weights, saved: Weights, replaced: Container[str]) -> tuple[list[str], list[str]]:
    """Name the net's tensors that stay fresh, and the file's that are left out: of heads, never of anything else."""
    own_parts, saved_parts = ({_part(name) for name in names} for names in (own, saved))
    left_out = [name for name in saved if _layer(name) in replaced or _part(name) not in {"", *own_parts}]
    fresh = [name for name in own if _layer(name) in replaced or (replaced and _part(name) not in {"", *saved_parts})]
    return fresh, left_out


def _heads(names: Iterable[str]) -> set[str]:
    """Name the layers that score the classes: the last one, and the last one of each auxiliary head."""
    return set({_part(name): _layer(name) for name in names}.values())  # the last of each part wins


def _other_channels(own: Tensor | None, saved: Tensor | None) -> bool:
    """Say if two first layers are the same but for the file's being for red, green and blue."""
    if own is None or saved is None or own.ndim != saved.ndim or own.ndim < 4:
        return False
    return saved.shape[1] == 3 != own.shape[1] and own[:, :1].shape == saved[:, :1].shape


def _refuse_other_net(
    path: Path, own: Weights, saved: Weights, heads: Container[str], averaged: Container[str]
) -> None:
    """Raise if the file is of another net, or only of other classes; the two lines say different things."""
    classes = None
    for name in [*own, *(name for name in saved if name not in own)]:
        there, here = (weights[name].shape if name in weights else None for weights in (saved, own))
        if there == here or name in averaged:
            continue
        if there and here and there[1:] == here[1:] and _layer(name) in heads:
            classes = (there[0], here[0])
        elif there is None and _part(name):
            cure = "build the net without them, or pass replace_head=True to let them start fresh"
            raise CourseError(f"{path} lacks the auxiliary heads of this net ({name}): {cure}")
        else:
            words = ["nothing" if shape is None else f"{tuple(shape)}" for shape in (there, here)]
            raise CourseError(f"{path} is of another net: {name} is {words[0]} in it, {words[1]} in this net")
    if classes:
        cure = "pass replace_head=True to load everything but the last layer, which then starts fresh"
        raise CourseError(f"{path} scores {classes[0]} classes, this net {classes[1]}: {cure}")


def _layer(name: str) -> str:
    """Give a tensor's layer: `aux1.fc2` of `aux1.fc2.weight`."""
    return name.rpartition(".")[0]


def _part(name: str) -> str:
    """Give a tensor's auxiliary head, or an empty string if it belongs to the net itself."""
    first = name.partition(".")[0]
    return first if first in _AUXILIARY else ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
