"""Weights come whole or not at all, and nothing happens silently."""

import hashlib
import http.server
import pickle
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.models import weights
from course_lib.models.alexnet import AlexNet, TwoTowerAlexNet
from course_lib.models.densenet import DenseNet, densenet121
from course_lib.models.googlenet import googlenet, googlenet_paper
from course_lib.models.inception import inception_v3
from course_lib.models.nin import nin_imagenet
from course_lib.models.resnet import resnet18
from course_lib.models.unet import PaddedUNet, unet3d
from course_lib.models.vgg import vgg11_bn
from course_lib.models.volumes import VolumeClassifier
from course_lib.models.weights import PUBLISHED, LoadReport, Published, load_weights


class Small(nn.Module):
    """A net in the form of the published ones: a first layer, batch norm, an auxiliary head if wanted, a last layer."""

    def __init__(self, num_classes: int = 4, in_channels: int = 3, *, heads: bool = False, width: int = 6) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        if heads:
            layers = OrderedDict(fc1=nn.Linear(width, 5), fc2=nn.Linear(5, num_classes))
            self.aux1 = nn.Sequential(layers)
        self.fc = nn.Linear(width, num_classes)
        with torch.no_grad():  # as if it had been trained
            self.bn1.running_mean.normal_()
            self.bn1.running_var.uniform_(0.5, 1.5)
            self.bn1.num_batches_tracked.fill_(7)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.bn1(self.conv1(x))).mean(dim=(2, 3)))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Weights of a net for three colours and four classes, without auxiliary heads."""
    return save(Small(), tmp_path / "small.pth")


def save(net: nn.Module, path: Path) -> Path:
    torch.save(net.state_dict(), path)
    return path


def numbers(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Say if two nets hold the same tensors, bit by bit."""
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@contextmanager
def refused(net: nn.Module, words: str) -> Iterator[None]:
    """One clear line, and the net is what it was, bit by bit."""
    before = numbers(net)
    with pytest.raises(CourseError, match=words) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert same(numbers(net), before), "the net was touched"


# What fits


def test_every_number_of_the_file_is_in_the_net_and_in_the_report(file: Path) -> None:
    net = Small()
    report = load_weights(net, file)
    assert same(numbers(net), torch.load(file))
    assert report == LoadReport(file, tuple(net.state_dict()), averaged=(), fresh=(), left_out=())
    assert str(report) == "small.pth: 9 tensors loaded"


def test_a_path_may_be_a_string(file: Path) -> None:
    assert load_weights(Small(), str(file)).path == file


def test_the_net_stays_as_it_is_but_for_its_numbers(file: Path) -> None:
    net = Small().double().eval()
    net.fc.weight.requires_grad_(False)
    parameters = list(net.parameters())
    load_weights(net, file)
    assert not net.training
    assert all(one is other for one, other in zip(net.parameters(), parameters, strict=True))
    assert {p.dtype for p in net.parameters()} == {torch.float64}
    assert [p.requires_grad for p in net.parameters()] == [True] * 4 + [False, True]
    assert torch.equal(net.conv1.weight, torch.load(file)["conv1.weight"].double())


def test_a_file_of_before_2017_in_the_old_format_is_read(tmp_path: Path) -> None:
    donor, net = Small(), Small()
    torch.save(donor.state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    load_weights(net, tmp_path / "old.pth")
    assert same(numbers(net), numbers(donor))


def test_a_file_without_counters_of_batches_sets_them_to_0(tmp_path: Path) -> None:
    donor, net = Small(), Small()
    old = {name: value for name, value in donor.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    report = load_weights(net, tmp_path / "old.pth")
    assert net.bn1.num_batches_tracked == 0
    assert torch.equal(net.bn1.running_mean, donor.bn1.running_mean)
    assert report.loaded == tuple(net.state_dict())


def test_the_names_in_densenets_files_of_2017_are_understood(tmp_path: Path) -> None:
    donor, net = DenseNet([2, 1], growth_rate=4, num_classes=3), DenseNet([2, 1], growth_rate=4, num_classes=3)
    old = {re.sub(r"(denselayer\d\.\w+)(\d)\.", r"\1.\2.", name): value for name, value in donor.state_dict().items()}
    assert "features.denseblock1.denselayer2.norm.1.running_mean" in old
    assert "features.denseblock1.denselayer2.conv.2.weight" in old
    torch.save(old, tmp_path / "old.pth")
    assert load_weights(net, tmp_path / "old.pth").loaded == tuple(net.state_dict())
    assert same(numbers(net), numbers(donor))


# What does not fit


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float, zipped: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save(Small().state_dict(), path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept == 0.5 else int(kept)])
    net = Small()
    with refused(net, r"cut\.pth is damaged, or holds more than tensors, which is never read: get it again"):
        load_weights(net, path)


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Malicious:
        def __reduce__(self):
            return Path.touch, (trace,)

    torch.save({"conv1.weight": Malicious()}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"conv1.weight": Malicious()}))
    net = Small()
    for name in ("evil.pth", "plain.pth"):
        with refused(net, "holds more than tensors, which is never read"):
            load_weights(net, tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        torch.zeros(3),
        {"conv1.weight": [1.0, 2.0]},
        {"state_dict": {"conv1.weight": torch.zeros(1)}},
        {1: torch.zeros(1)},
        {"conv1.weight": torch.zeros(6, 3, 3, 3, dtype=torch.complex64)},
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    net = Small()
    with refused(net, r"other\.pth is no file of weights: wanted tensors by their names, as net.state_dict\(\)"):
        load_weights(net, tmp_path / "other.pth")


def test_a_file_of_sparse_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(6, 3).to_sparse()}, tmp_path / "other.pth")
    net = Small()  # from PyTorch 2.15 on, `torch.load` itself refuses them
    with refused(net, r"other\.pth is (no file of weights: wanted tensors by their names|damaged, or holds more than)"):
        load_weights(net, tmp_path / "other.pth")


def test_a_name_that_is_neither_file_nor_net_is_refused(tmp_path: Path) -> None:
    net = Small()
    with refused(net, "resnet51: there is no such file; wanted a file of weights, or one of alexnet, .*resnet50"):
        load_weights(net, "resnet51")
    with refused(net, "there is no such file"):
        load_weights(net, tmp_path)


@pytest.mark.parametrize(
    ("donor", "net", "words"),
    [
        (Small(width=8), Small(), r"conv1.weight is \(8, 3, 3, 3\) in it, \(6, 3, 3, 3\) in this net"),
        (nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 6, 3))), Small(), r"bn1.weight is nothing in it, \(6,\) in this"),
        (Small(heads=True, width=8), Small(num_classes=3), r"conv1.weight is \(8"),
        (Small(in_channels=1), Small(), r"conv1.weight is \(6, 1, 3, 3\) in it, \(6, 3, 3, 3\) in this net"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_the_file_of_another_net_is_refused(tmp_path: Path, donor, net, words: str, lenient: bool) -> None:
    path = save(donor, tmp_path / "other.pth")
    with refused(net, f"{path} is of another net: {words}"):
        load_weights(net, path, replace_head=lenient, average_colours=lenient)


def test_a_file_that_holds_more_than_the_net_is_of_another_net(tmp_path: Path) -> None:
    donor = Small()
    donor.extra = nn.Linear(2, 2)
    net = Small()
    with refused(net, r"of another net: extra.weight is \(2, 2\) in it, nothing in this net"):
        load_weights(net, save(donor, tmp_path / "more.pth"))


def test_a_net_without_numbers_is_refused(file: Path) -> None:
    net = nn.Conv2d(3, 6, kernel_size=3, device="meta")
    with pytest.raises(ValueError, match="wanted a net that holds numbers, got one on the device meta"):
        load_weights(net, file)


# Checksums


def test_the_right_checksum_in_full_or_in_part_is_accepted(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for sha256 in (digest, digest[:8], digest.upper()):
        load_weights(Small(), file, sha256=sha256)


def test_one_changed_bit_is_found_by_the_checksum(file: Path) -> None:
    content = bytearray(file.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    net = Small()
    with refused(net, f"small.pth is damaged, or another file: wanted SHA-256 {digest}, got [0-9a-f]{{64}}; delete it"):
        load_weights(net, file, sha256=digest)


@pytest.mark.parametrize("sha256", ["", "1234567", "g" * 64, "0" * 65])
def test_a_checksum_is_at_least_8_hex_digits(file: Path, sha256: str) -> None:
    with pytest.raises(ValueError, match=f"SHA-256, or at least its first 8 hex digits, got '{sha256}'"):
        load_weights(Small(), file, sha256=sha256)


# Other classes


def test_another_number_of_classes_is_refused_with_the_way_out(file: Path) -> None:
    net = Small(num_classes=2)
    with refused(net, r"small\.pth scores 4 classes, this net 2: pass replace_head=True to load everything but the"):
        load_weights(net, file)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_replaced_head_stays_fresh_and_is_named(file: Path, num_classes: int) -> None:
    net = Small(num_classes=num_classes)
    before = numbers(net)
    report = load_weights(net, file, replace_head=True)
    assert report.fresh == report.left_out == ("fc.weight", "fc.bias")
    assert torch.equal(net.fc.weight, before["fc.weight"])
    assert torch.equal(net.fc.bias, before["fc.bias"])
    assert same({name: net.state_dict()[name] for name in report.loaded}, dict(list(torch.load(file).items())[:7]))
    assert str(report) == "small.pth: 7 tensors loaded; fresh: fc; left out: fc"


# Auxiliary heads


def test_auxiliary_heads_of_the_file_are_left_out_where_the_net_has_none(tmp_path: Path) -> None:
    net = Small()
    report = load_weights(net, save(Small(heads=True), tmp_path / "heads.pth"))
    assert report.left_out == ("aux1.fc1.weight", "aux1.fc1.bias", "aux1.fc2.weight", "aux1.fc2.bias")
    assert report.loaded == tuple(net.state_dict())
    assert not report.fresh


def test_auxiliary_heads_of_both_are_loaded(tmp_path: Path) -> None:
    donor, net = Small(heads=True), Small(heads=True)
    assert load_weights(net, save(donor, tmp_path / "heads.pth")).loaded == tuple(net.state_dict())
    assert same(numbers(net), numbers(donor))


def test_the_last_layer_of_an_auxiliary_head_is_replaced_too(tmp_path: Path) -> None:
    donor, net = Small(heads=True), Small(num_classes=2, heads=True)
    before = numbers(net)
    path = save(donor, tmp_path / "heads.pth")
    with refused(net, "scores 4 classes, this net 2"):
        load_weights(net, path)
    report = load_weights(net, path, replace_head=True)
    assert report.fresh == report.left_out == ("aux1.fc2.weight", "aux1.fc2.bias", "fc.weight", "fc.bias")
    assert torch.equal(net.aux1.fc1.weight, donor.aux1.fc1.weight)
    assert torch.equal(net.aux1.fc2.weight, before["aux1.fc2.weight"])


def test_auxiliary_heads_that_the_file_lacks_stay_fresh_only_when_asked_for(file: Path) -> None:
    net = Small(heads=True)
    with refused(
        net, r"lacks the auxiliary heads of this net \(aux1.fc1.weight\): build the net without them, or pass"
    ):
        load_weights(net, file)
    report = load_weights(net, file, replace_head=True)
    assert report.left_out == ("fc.weight", "fc.bias")
    assert report.fresh == (
        *("aux1.fc1.weight", "aux1.fc1.bias", "aux1.fc2.weight", "aux1.fc2.bias"),
        *("fc.weight", "fc.bias"),
    )


@pytest.mark.parametrize("make", [googlenet, inception_v3])
def test_what_only_nets_with_heads_have_is_what_may_be_left_out(make: Callable[..., nn.Module]) -> None:
    with torch.device("meta"):
        names = [list(make(aux=aux).state_dict()) for aux in (True, False)]
    assert [name for name in names[0] if name not in names[1]] == [name for name in names[0] if weights._part(name)]
    assert set(names[1]) < set(names[0])


@pytest.mark.parametrize(
    "make", [AlexNet, TwoTowerAlexNet, vgg11_bn, nin_imagenet, googlenet_paper, googlenet, inception_v3, resnet18]
    + [densenet121, PaddedUNet, unet3d, VolumeClassifier],
)  # fmt: skip
def test_first_layer_and_heads_are_found_in_each_family(make: Callable[..., nn.Module]) -> None:
    with torch.device("meta"):
        state = make(num_classes=9, in_channels=7).state_dict()
    scoring = {name.rpartition(".")[0] for name, value in state.items() if value.ndim and value.shape[0] == 9}
    assert weights._heads(state) == scoring
    assert next(iter(state.values())).shape[1] == 7


# Other channels


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_other_channels_are_never_averaged_silently(file: Path, channels: int) -> None:
    net = Small(in_channels=channels)
    with refused(net, f"reads red, green and blue, this net {channels} channels: pass average_colours=True"):
        load_weights(net, file)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_an_image_that_is_the_same_in_all_channels_scores_what_it_scores_in_three_colours(
    file: Path, channels: int
) -> None:
    colour, net = Small().eval(), Small(in_channels=channels).eval()
    load_weights(colour, file)
    report = load_weights(net, file, average_colours=True)
    grey = torch.randn(2, 1, 9, 9)
    torch.testing.assert_close(net(grey.expand(-1, channels, -1, -1)), colour(grey.expand(-1, 3, -1, -1)))
    assert report.averaged == ("conv1.weight",)
    assert "conv1.weight" in report.loaded
    assert str(report) == "small.pth: 9 tensors loaded; averaged: conv1"
    mean = colour.conv1.weight.mean(dim=1, keepdim=True) * 3 / channels
    torch.testing.assert_close(net.conv1.weight, mean.expand_as(net.conv1.weight))


def test_nothing_is_averaged_where_the_net_reads_three_channels(file: Path) -> None:
    net = Small()
    assert not load_weights(net, file, average_colours=True).averaged
    assert same(numbers(net), torch.load(file))


def test_other_classes_are_named_before_other_channels(file: Path) -> None:
    net = Small(num_classes=2, in_channels=1)
    with refused(net, "scores 4 classes"):
        load_weights(net, file, average_colours=True)
    with refused(net, "reads red, green and blue"):
        load_weights(net, file, replace_head=True)


# The table and the download


def test_each_entry_of_the_table_has_a_checksum_and_a_scale() -> None:
    assert len(PUBLISHED) == 20
    for name, published in PUBLISHED.items():
        assert len(published.sha256) == 8
        assert set(published.sha256) <= set("0123456789abcdef")
        assert published.url.startswith(f"https://download.pytorch.org/models/{name}")
        from_tensorflow = name in ("googlenet", "inception_v3")
        assert (published.mean == published.std == (0.5, 0.5, 0.5)) is from_tensorflow
        assert published.size_pixels == (299 if name == "inception_v3" else 224)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves the content of one file: whole, cut off in the middle, or not at all, by the folder that is asked for."""

    content = b""
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/missing/"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: len(self.content) // 2] if self.path.startswith("/cut/") else self.content)

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Handler]]:
    """A web server on this machine that has the file; torch.hub keeps its downloads below tmp_path."""
    handler = type("Handler", (_Handler,), {"content": file.read_bytes(), "asked": []})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address, digest = f"http://127.0.0.1:{httpd.server_port}", hashlib.sha256(handler.content).hexdigest()
        table = {
            "whole": f"{address}/whole/small-{digest[:8]}.pth",
            "other": f"{address}/whole/small-00000000.pth",
            "cut": f"{address}/cut/small-{digest[:8]}.pth",
            "missing": f"{address}/missing/small-{digest[:8]}.pth",
            "nobody": f"http://127.0.0.1:1/small-{digest[:8]}.pth",
        }
        scale = PUBLISHED["alexnet"].mean, PUBLISHED["alexnet"].std
        monkeypatch.setattr(weights, "PUBLISHED", {name: Published(url, *scale) for name, url in table.items()})
        yield handler
        httpd.shutdown()
        thread.join()


def downloads(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_a_published_file_is_downloaded_once(server: type[_Handler], tmp_path: Path, capfd) -> None:
    nets = Small(), Small()
    reports = [load_weights(net, "whole", progress=False) for net in nets]
    assert reports[0].path == reports[1].path == downloads(tmp_path)[0]
    assert reports[0].path.parent == tmp_path / "home" / "hub" / "checkpoints"
    assert len(server.asked) == len(downloads(tmp_path)) == 1
    assert same(numbers(nets[0]), torch.load(reports[0].path))
    assert same(*map(numbers, nets))
    assert capfd.readouterr().err == ""


def test_a_download_shows_its_progress(server: type[_Handler], capfd) -> None:
    load_weights(Small(), "whole")
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other", r'small-00000000.pth came broken, invalid hash value \(expected "00000000", got .*: try again, or'),
        ("cut", r"small-\w{8}.pth (came broken|could not be downloaded).*: try again, or download it by hand and name"),
        (
            "missing",
            r"small-\w{8}.pth could not be downloaded to .*, HTTP Error 404: Not Found: try again, or download",
        ),
        ("nobody", "could not be downloaded to .*refused.*: try again, or download it by hand and name the file"),
    ],
)
def test_a_broken_download_leaves_nothing_behind(server, tmp_path: Path, name: str, words: str) -> None:
    net = Small()
    with refused(net, words):
        load_weights(net, name, progress=False)
    assert not downloads(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder is wanted")
    net = Small()
    with refused(net, "could not be downloaded to .*small-.*pth"):
        load_weights(net, "whole", progress=False)


def test_a_download_that_was_damaged_later_is_found(server: type[_Handler], tmp_path: Path) -> None:
    path = load_weights(Small(), "whole", progress=False).path
    path.write_bytes(path.read_bytes()[:-1])
    net = Small()
    with refused(net, f"{path} is damaged, or another file: wanted SHA-256 {path.stem[-8:]}, got .*; delete it"):
        load_weights(net, "whole", progress=False)
    path.unlink()
    load_weights(net, "whole", progress=False)


def test_a_path_is_a_file_even_where_it_has_the_name_of_a_net(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    file.rename(tmp_path / "alexnet")
    assert load_weights(Small(), Path("alexnet")).path == Path("alexnet")
