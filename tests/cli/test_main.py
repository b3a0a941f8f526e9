"""What all subcommands share: help, version, errors, exit codes."""

import shlex
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

import skdeblurbin
from skdeblurbin.cli import main
from skdeblurbin.cli._arguments import EXIT_CODES
from skdeblurbin.cli._parser import COMMANDS, make_parser


def test_help_version_and_errors_need_no_torch(pairs, tmp_path):
    words = [["--help"], ["--version"], [], ["no-such-command"]]
    words += [[name, "--help"] for name in COMMANDS]
    words += [[name, "--no-such-option"] for name in COMMANDS]
    model = ["--model", "no-such-model"]
    words += [
        ["binarize", "no-such-file", "-o", str(tmp_path / "out")],
        ["binarize", str(pairs), "-o", str(tmp_path / "out"), *model],
        ["evaluate", "no-such-folder", str(pairs / "binary")],
        ["train", str(pairs), "no-such-folder", "-o", str(tmp_path / "model")],
        ["draw", "-1", "-o", str(tmp_path / "drawn")],
        ["info", "plate"],
        ["info", "no-such-model"],
    ]
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, *_):\n"
        "        assert name.split('.')[0] != 'torch', 'torch was imported'\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from skdeblurbin.cli import main\n"
        f"for words in {words!r}:\n"
        "    try:\n"
        "        code = main(words)\n"
        "    except SystemExit as error:\n"
        "        code = error.code\n"
        "    is_fine = {'--help', '--version', 'plate'} & set(words)\n"
        "    assert code == (0 if is_fine else 2), (words, code)\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_has_examples_that_parse(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    examples = COMMANDS[name].EXAMPLES
    assert examples
    for example in examples:
        assert f"  {example}\n" in printed
        program, *words = shlex.split(example)
        assert program == "skdeblurbin"
        assert make_parser().parse_args(words).run is COMMANDS[name].run


def test_help_tells_the_exit_codes(capsys):
    for words in (["--help"], ["binarize", "--help"]):
        with pytest.raises(SystemExit):
            main(words)
        printed = capsys.readouterr().out
        assert sorted(EXIT_CODES) == [0, 1, 2, 3, 130]
        for code, text in EXIT_CODES.items():
            assert f"  {code:<4} {text}\n" in printed


def test_the_installed_script():
    found = metadata.entry_points(group="console_scripts", name="skdeblurbin")
    assert [script.load() for script in found] == [main]
    script = Path(sysconfig.get_path("scripts"), "skdeblurbin")
    run = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert run.returncode == 0
    assert run.stdout == f"skdeblurbin {skdeblurbin.__version__}\n"


def test_a_reader_that_goes_away_is_no_error():
    command = [sys.executable, "-m", "skdeblurbin", "info", "plate"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        printed = process.stderr.read()
    assert printed == ""
    assert process.returncode == 3


def test_errors_are_one_line_and_with_debug_a_traceback(cli, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no model")
    code, out, err = cli("info", damaged)
    assert (code, out) == (3, "")
    assert err == f"skdeblurbin: error: {damaged}: it is no safetensors file, or " + (
        "truncated\n"
    )
    with pytest.raises(skdeblurbin.ModelFileError):
        cli("info", damaged, "--debug")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "a", "b", "-o", "m", "--epochs", "0"],
        ["train", "a", "b", "-o", "m", "--epochs", "1.5"],
        ["train", "a", "b", "-o", "m", "--working-shape", "128"],
        ["train", "a", "b", "-o", "m", "--working-shape", "128x0"],
        ["train", "a", "b", "-o", "m", "--seed", "-1"],
        ["train", "a", "b", "-o", "m", "--seed", str(2**32)],
        ["train", "a", "b", "-o", "m", "--set", "n_blocks"],
        ["train", "a", "b", "-o", "m", "--set", "n blocks=4"],
        ["binarize", "a", "-o", "b", "--jobs", "0"],
        ["binarize", "a", "-o", "b", "--format", "gif"],
        ["binarize", "a", "-o", "b", "--skip"],  # no abbreviations: they change
        ["binarize", "a"],
        ["draw", "many", "-o", "b"],
    ],
)
def test_words_that_are_not_understood(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "error: " in capsys.readouterr().err
