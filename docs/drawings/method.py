"""Draws the method for its page: the whole, the generator, the discriminator.

Numbers of channels are read from the networks themselves, in the paper's settings. Run
by conf.py at each build.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from torch import nn

from skdeblurbin.networks import DenseGenerator, PatchDiscriminator

IMAGE, NETWORK, LOSS, PLAIN = "#fdf6e3", "#e8f0fa", "#fbe3dc", "white"


def draw(folder: Path) -> None:
    """Draw the three figures into a folder."""
    for name, paint in {
        "method": _paint_method,
        "generator": _paint_generator,
        "discriminator": _paint_discriminator,
    }.items():
        figure, axes = plt.subplots(figsize=(9, 2.9), layout="constrained")
        axes.set_axis_off()
        paint(axes)
        figure.savefig(folder / f"{name}.png", dpi=110)
        plt.close(figure)


def _paint_method(axes: Any) -> None:
    axes.set(xlim=(0, 10), ylim=(-0.5, 3.0))
    box = _Boxes(axes)
    box("blurred", 0.7, 2.4, "blurred\nphoto x", IMAGE)
    box("generator", 2.5, 2.4, "generator G\n(figure 2)", NETWORK)
    box("grey", 4.3, 2.4, "grey image\nG(x)", IMAGE)
    box("otsu", 6.9, 2.4, "Otsu's\nthreshold", PLAIN)
    box("binary", 9.0, 2.4, "binary image", IMAGE)
    box("truth", 0.7, 0.6, "truth y", IMAGE)
    box("content", 3.2, 0.6, "content loss\n+ K1 perceptual", LOSS)
    box("discriminator", 6.2, 0.6, "discriminator D\n(figure 3)", NETWORK)
    box("adversarial", 9.0, 0.6, "adversarial loss", LOSS)
    for start, end in [
        ("blurred", "generator"),
        ("generator", "grey"),
        ("grey", "otsu"),
        ("otsu", "binary"),
        ("grey", "content"),
        ("truth", "content"),
        ("grey", "discriminator"),
        ("discriminator", "adversarial"),
    ]:
        box.arrow(start, end)
    box.arrow("truth", "discriminator", bend=0.2)
    axes.text(7.9, 1.75, "prediction", ha="center", fontsize=8, color="0.4")
    axes.text(3.0, 1.55, "training", ha="center", fontsize=8, color="0.4")


def _paint_generator(axes: Any) -> None:
    network = DenseGenerator(
        n_blocks=10, growth_rate=32, base_channels=64, downsampling=1, n_levels=0
    )
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    first, last = convolutions[0], convolutions[-1]
    tail = convolutions[-2]
    axes.set(xlim=(0, 10), ylim=(-0.2, 3.2))
    box = _Boxes(axes)
    box("in", 0.6, 1.5, "photo\n1 channel", IMAGE)
    box("first", 1.95, 1.5, f"3x3 conv.\nto {first.out_channels}", NETWORK)
    box("one", 3.3, 1.5, "dense\nblock 1", NETWORK)
    box("two", 4.35, 1.5, "dense\nblock 2", NETWORK)
    axes.text(5.1, 1.5, "...", ha="center", va="center", fontsize=12)
    box("ten", 5.85, 1.5, "dense\nblock 10", NETWORK)
    box("tail", 7.1, 1.5, f"1x1 conv.\nto {tail.out_channels}", NETWORK)
    box("last", 8.4, 1.5, f"3x3 conv.\n{last.in_channels} to 1, tanh", NETWORK)
    box("out", 9.6, 1.5, "grey\nimage", IMAGE)
    for chain in (["in", "first", "one", "two"], ["ten", "tail", "last", "out"]):
        for start, end in pairwise(chain):
            box.arrow(start, end)
    bends = {("first", "two"): 0.55, ("one", "ten"): 0.45}
    bends |= {("first", "ten"): 0.4, ("first", "tail"): 0.35}
    for (start, end), bend in bends.items():
        box.arrow(start, end, bend=-bend, color="0.65")
    box.arrow("first", "last", bend=0.4)
    axes.text(5.2, -0.05, "global skip", ha="center", fontsize=8, color="0.4")
    axes.text(
        4.4,
        3.05,
        "each block sees the concatenation of all before it, and adds 32 channels",
        ha="center",
        va="top",
        fontsize=8,
        color="0.4",
    )


def _paint_discriminator(axes: Any) -> None:
    network = PatchDiscriminator(n_layers=4, base_channels=16)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    axes.set(xlim=(0, 10), ylim=(0, 3.2))
    box = _Boxes(axes)
    box("in", 0.7, 1.5, "G(x) or y\n1 channel", IMAGE)
    before = "in"
    for i, layer in enumerate(layers):
        name = f"layer {i}"
        text = (
            f"{layer.kernel_size[0]}x{layer.kernel_size[1]} conv.\nstride "
            f"{layer.stride[0]}\nto {layer.out_channels}"
        )
        box(name, 2.2 + 1.45 * i, 1.5, text, NETWORK)
        box.arrow(before, name)
        before = name
    x = 2.2 + 1.45 * len(layers)
    box("mean", x, 1.5, "sigmoid,\nmean over\nthe patches", PLAIN)
    box("out", x + 1.45, 1.5, "D in [0, 1]", LOSS)
    box.arrow(before, "mean")
    box.arrow("mean", "out")
    axes.text(
        2.2 + 1.45 * (len(layers) - 1) / 2,
        0.55,
        "LeakyReLU and BatchNorm between them",
        ha="center",
        fontsize=8,
        color="0.4",
    )


class _Boxes:
    """Boxes by name, and arrows between them."""

    def __init__(self, axes: Any) -> None:
        self._axes = axes
        self._drawn: dict[str, Any] = {}

    def __call__(self, name: str, x: float, y: float, text: str, colour: str) -> None:
        self._drawn[name] = self._axes.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=8.5,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": colour,
                "edgecolor": "0.4",
            },
        )

    def arrow(
        self, start: str, end: str, bend: float = 0.0, color: str = "0.3"
    ) -> None:
        ends = self._drawn[start], self._drawn[end]
        self._axes.annotate(
            "",
            xy=ends[1].get_position(),
            xytext=ends[0].get_position(),
            zorder=2,
            arrowprops={
                "arrowstyle": "-|>",
                "color": color,
                "connectionstyle": f"arc3,rad={bend}",
                "patchA": ends[0].get_bbox_patch(),
                "patchB": ends[1].get_bbox_patch(),
                "linewidth": 0.9,
            },
        )
