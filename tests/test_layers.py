"""Imports point down the layers only (the architecture page of the docs)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skdeblurbin

PACKAGE = Path(skdeblurbin.__file__).parent

LAYERS = {
    "_parameters": 0,
    "_ranges": 0,
    "_sequences": 0,
    "_conversion": 0,
    "_validation": 0,
    "_targets": 0,
    "_thresholding": 0,
    "_tensors": 0,
    "_warnings": 0,
    "_progress": 0,
    "_files": 0,
    "_resizing": 0,
    "networks": 1,
    "datasets": 1,
    "metrics": 1,
    "training": 2,
    "persistence": 2,
    "_base": 3,
    "_gan_parameters": 3,
    "_gan_data": 3,
    "_gan_fitting": 3,
    "_gan_pairs": 3,
    "_gan_callbacks": 3,
    "_gan_checkpoint": 3,
    "_gan_engine": 3,
    "_gan_export": 3,
    "_gan_files": 3,
    "_gan_fitted": 3,
    "_gan_header": 3,
    "_gan_summary": 3,
    "_gan_training_file": 3,
    "_gan": 3,
    "_classical": 3,
    "export": 3,
    "plotting": 4,
    "cli": 4,
    "pretrained": 4,
    "__main__": 5,
}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """The first part below the package: its layer is that of all inside."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    """Parts of the package that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            full = [node.module]
            if node.module == "skdeblurbin":
                full = [f"skdeblurbin.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        else:
            continue
        names |= {n.split(".")[1] for n in full if n.startswith("skdeblurbin.")}
    return names


def test_every_part_has_a_layer():
    parts = {module_of(path) for path in FILES} - {"__init__"}
    assert parts == set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part = module_of(path)
    if part == "__init__":
        # The public face names everything, lazily.
        return
    for other in imported_modules(path) - {part}:
        within_a_layer = LAYERS[part] in (0, 3)
        highest = LAYERS[part] if within_a_layer else LAYERS[part] - 1
        assert LAYERS[other] <= highest, f"{part} imports {other}"


def test_the_trainer_knows_no_network_and_no_estimator():
    for name in ("trainer.py", "losses.py", "run.py", "averaging.py"):
        found = imported_modules(PACKAGE / "training" / name)
        assert not found & {p for p in LAYERS if LAYERS[p] == 3 or p == "networks"}


TORCH_FREE = (
    "_validation",
    "_ranges",
    "_thresholding",
    "_warnings",
    "_base",
    "_classical",
    "_gan_fitted",
    "export",
)


def test_parts_without_networks_import_without_torch():
    names = ", ".join(f"skdeblurbin.{name}" for name in TORCH_FREE)
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, *_):\n"
        "        assert name.split('.')[0] != 'torch', 'torch was imported'\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        f"import {names}, skdeblurbin.metrics, skdeblurbin.datasets\n"
        "import skdeblurbin.plotting\n"
        "import numpy, skdeblurbin\n"
        "X = numpy.arange(192.0).reshape(2, 8, 12)\n"
        "for name in ('Otsu', 'Sauvola', 'Wiener'):\n"
        "    binarizer = getattr(skdeblurbin, name + 'Binarizer')()\n"
        "    binarizer.fit(X, X % 12 > 5).predict(X)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def body_lines(function: ast.AST) -> int:
    """Lines of a function without its signature and docstring."""
    statements = function.body
    if ast.get_docstring(function) is not None:
        statements = statements[1:]
    if not statements:
        return 0
    return statements[-1].end_lineno - statements[0].lineno + 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_and_functions_stay_small(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") < 400
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    ]
    # Constructors assign, one line a parameter.
    long = {f.name: body_lines(f) for f in functions if f.name != "__init__"}
    assert {name: n for name, n in long.items() if n >= 40} == {}
