"""The explorer of a U-Net's shapes: its sizes are those of the nets themselves."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.models.tiles import UFigure
from course_lib.models.unet import U_NET, PaddedUNet, UNet
from course_lib.widgets import unet_shapes
from course_lib.widgets.unet_shapes import u_shapes, unet_shapes_explorer

mpl.use("Agg")


def test_the_published_net_map_by_map() -> None:
    shapes = u_shapes(572)
    assert shapes.down == ((572, 570, 568), (284, 282, 280), (140, 138, 136), (68, 66, 64), (32, 30, 28))
    assert shapes.up == ((56, 54, 52), (104, 102, 100), (200, 198, 196), (392, 390, 388))
    assert shapes.crops == ((64, 56), (136, 104), (280, 200), (568, 392))
    assert shapes.output_size == U_NET.output_size(572) == 388


@pytest.mark.parametrize(("levels", "convolutions"), [(2, 1), (2, 3), (3, 2), (4, 1)])
@pytest.mark.parametrize("padding", [False, True])
def test_every_size_is_that_of_a_net(levels: int, convolutions: int, padding: bool) -> None:
    level = (2,) * convolutions
    figure = UFigure(down=(level,) * levels, up_convolutions=(2,) * (levels - 1), up=(level,) * (levels - 1))
    size = 8 * figure.multiple if padding else figure.smallest_tile.input_size + figure.multiple
    made = []
    with torch.device("meta"):
        net = PaddedUNet(figure=figure, batch_norm=False) if padding else UNet(figure=figure, dropout=0)
        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d | torch.nn.MaxPool2d):
                layer.register_forward_hook(lambda *given: made.append(given[2].shape[-1]))
        net(torch.zeros(1, 1, size, size))
    shapes = u_shapes(size, levels=levels, convolutions=convolutions, padding=padding)
    told = [size for level in shapes.down for size in level][1:] + [size for level in shapes.up for size in level]
    assert made == [*told, shapes.output_size]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"input_size": 570}, "nearest that fit are 556 .* and 572"),
        ({"input_size": 100}, "the smallest that fits is 188"),
        ({"input_size": 100, "padding": True}, "cannot be halved 4 times: the nearest that fit are 96 and 112"),
        ({"input_size": 9, "padding": True}, "the nearest that fit are 16"),
        ({"input_size": 64, "levels": 1}, "2 levels, a convolution and a pixel or more"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_the_nearest_that_do(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        u_shapes(**wrong)


def test_the_explorer_says_what_is_to_be_seen(capsys: pytest.CaptureFixture) -> None:
    unet_shapes_explorer()
    assert "572 pixels becomes 570 and 568" in capsys.readouterr().out


@pytest.mark.parametrize("values", [{}, {"input_size": 256, "padding": True}, {"input_size": 44, "levels": 3}])
def test_every_picture_has_the_same_size_and_every_arrow_its_words(values: dict) -> None:
    figure = unet_shapes.draw_u(**values)
    assert figure.get_size_inches().tolist() == [8.4, 5.4]
    words = [text.get_text() for text in figure.axes[0].texts]
    levels = values.get("levels", 5)
    assert len(words) == (2 * levels - 1) + (levels - 1)
    assert all(
        word.startswith("copy" if values.get("padding") else "crop")
        for word in words
        if "copy" in word or "crop" in word
    )
    plt.close(figure)
