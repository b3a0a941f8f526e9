"""What docs/command_line.md says is what the program does."""

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from skdeblurbin.cli import main
from skdeblurbin.cli._arguments import EXIT_CODES
from skdeblurbin.cli._parser import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "command_line.md"

pytestmark = pytest.mark.skipif(
    not PAGE.exists(), reason="the tests run away from the sources"
)


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def section(page, name):
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.S | re.M)
    assert found, f"no section {name}"
    return found[1]


def table(rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def words_of(command):
    """A row for each word of a subcommand: how it is written, and its help."""
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    for action in parser._actions:
        written = [f"`{word}`" for word in action.option_strings] or [""]
        if action.nargs != 0:
            metavar = action.metavar or "|".join(action.choices or ())
            metavar = metavar or action.dest.upper()
            written[-1] = f"`{written[-1].strip('`')} {metavar}`".replace("` ", "`")
        yield ", ".join(written).replace("|", r"\|"), action.help.replace("|", r"\|")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_words_of_every_subcommand(page, name):
    """If this fails: the page is to have the table that the comparison shows."""
    text = section(page, name)
    begin, end = "| word | meaning |\n|---|---|\n", "\n\n"
    shown = text.split(begin)[1].split(end)[0].strip("\n") + "\n"
    assert shown == table(words_of(COMMANDS[name]))
    assert COMMANDS[name].DESCRIPTION in " ".join(text.split())


def test_exit_codes(page):
    rows = table((str(int(code)), text) for code, text in EXIT_CODES.items())
    assert rows in section(page, "Exit codes")


def commands(page):
    """The commands of all shell blocks, and the files that their output goes to."""
    for block in re.findall(r"^```bash\n(.*?)^```", page, re.S | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            program, *words = shlex.split(line)
            assert program == "skdeblurbin"
            *words, file = words if ">" in words else [*words, ">", None]
            yield words[:-1], file


@pytest.mark.filterwarnings("default")  # as in a shell: they are printed
def test_every_command_of_the_shell_blocks_runs(page, tmp_path, monkeypatch, capsys):
    """In their order, in one empty folder; and JSON has the form that is shown."""
    monkeypatch.chdir(tmp_path)
    found = list(commands(page))
    assert {name for (name, *_), _ in found} == {"--help", *COMMANDS}
    for words, file in found:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:  # after --help
            code = end.code
        out, err = capsys.readouterr()
        assert code == 0, (words, err)
        if file:
            Path(file).write_text(out, encoding="utf-8")
    shown = re.findall(r"^`(\w+\.json)` .*?^```json\n(.*?)^```", page, re.S | re.M)
    assert len(shown) == 3
    for file, text in shown:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        assert form(found) == form(json.loads(text)), file


def form(value):
    """Which keys nest in which; of lists the first entry."""
    if isinstance(value, dict):
        return {key: form(item) for key, item in value.items()}
    if isinstance(value, list):
        return [form(value[0])]
    return type(value).__name__
