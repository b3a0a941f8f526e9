"""What README tells people to run, runs."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def blocks():
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"```(\w+)\n(.*?)```", text, re.S))


def test_python_block_runs_and_beats_nothing_silently(blocks):
    printed = io.StringIO()
    names = {}
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks["python"], "README.md", "exec"), names)
    assert names["binary"].shape == (10, 48, 72)
    assert set(names["binary"].ravel()) == {0, 1}
    assert 0 <= names["grey"].min() < names["grey"].max() <= 1
    assert re.search(r"GAN .*\d", printed.getvalue())


def test_the_ten_lines_are_ten(blocks):
    lines = [line for line in blocks["python"].splitlines() if line.strip()]
    assert len(lines) == 10


def test_files_that_readme_names_are_there():
    text = README.read_text(encoding="utf-8")
    root = README.parent
    named = re.findall(r"\]\(([\w/.-]+)\)", text)
    named += re.findall(r"\b((?:examples|tests|docs)/[\w/.-]+\w)", text)
    assert len(named) > 3
    if not (root / "docs").exists():  # the tests run away from the sources
        named = [name for name in named if not name.startswith("docs/")]
    built = ("LICENSE", "docs/_build/html")
    missing = [n for n in named if n not in built and not (root / n).exists()]
    assert missing == []
