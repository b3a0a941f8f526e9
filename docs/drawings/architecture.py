"""Draws the parts of the package by layer, with their imports, for contributing.md.

Run by conf.py at each build, so that the picture is that of the code.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
NAMES = {
    4: "uses the estimators",
    3: "estimators",
    2: "training and files",
    1: "networks, data, metrics",
    0: "helpers",
}
# Drawn as one: the modules that GANBinarizer is made of.
TOGETHER = "_gan"

Place = tuple[float, float]


def draw(file: Path) -> None:
    """Draw the layers from top to bottom, and an arrow for each import."""
    layers, imports = _read()
    rows = {
        level: sorted(part for part, layer in layers.items() if layer == level)
        for level in sorted(NAMES, reverse=True)
    }
    places = {
        part: ((i + 0.5) / len(parts), level + (0.16 if i % 2 else -0.16))
        for level, parts in rows.items()
        for i, part in enumerate(parts)
    }
    figure, axes = plt.subplots(figsize=(9, 6.2), layout="constrained")
    for part, others in imports.items():
        for other in others:
            if layers[part] > layers[other]:
                _draw_arrow(axes, places[part], places[other], layers[other])
    for part, place in places.items():
        _draw_part(axes, place, part if part != TOGETHER else "_gan, _gan_*")
    for level, name in NAMES.items():
        axes.axhspan(level - 0.42, level + 0.42, color="0.97", zorder=0)
        axes.text(-0.02, level, f"{level}: {name}", ha="right", va="center", fontsize=9)
    axes.set(xlim=(0, 1), ylim=(-0.5, 4.5))
    axes.set_axis_off()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _draw_arrow(axes: Any, start: Place, end: Place, layer: int) -> None:
    """An import of something in a layer; all use helpers, which is no news."""
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": "0.35" if layer else "0.88",
            "linewidth": 0.8,
            "zorder": 2 if layer else 1,
            "shrinkA": 9,
            "shrinkB": 9,
        },
    )


def _draw_part(axes: Any, place: Place, name: str) -> None:
    axes.text(
        *place,
        name,
        ha="center",
        va="center",
        fontsize=9,
        zorder=3,
        bbox={"boxstyle": "round,pad=0.3", "facecolor": "#e8f0fa", "edgecolor": "0.4"},
    )


def _read() -> tuple[dict[str, int], dict[str, set[str]]]:
    """The layer of each part, and what it imports of the others."""
    tests = _layer_test()
    layers: dict[str, int] = {}
    imports: dict[str, set[str]] = {}
    for path in tests.FILES:
        part = tests.module_of(path)
        if tests.LAYERS.get(part) in NAMES:  # of __main__ there is little to see
            name = _together(part)
            layers[name] = tests.LAYERS[part]
            found = {_together(other) for other in tests.imported_modules(path)}
            imports.setdefault(name, set()).update(found - {name})
    return layers, imports


def _together(part: str) -> str:
    return TOGETHER if part.startswith(TOGETHER) else part


def _layer_test() -> Any:
    """`tests/test_layers.py`, which knows the layers and reads the imports."""
    path = ROOT / "tests" / "test_layers.py"
    spec = importlib.util.spec_from_file_location("test_layers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
