"""``skdeblurbin info``"""

import hashlib
import json

import pytest

from skdeblurbin import GANBinarizer
from skdeblurbin._files import checksum
from skdeblurbin.persistence import write_model


def test_in_a_process_of_its_own(program, model_file):
    run = program("info", model_file, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    found = json.loads(run.stdout)
    model = GANBinarizer.load(model_file)
    data = model_file.read_bytes()
    assert found["file"] == model_file.name
    assert found["bytes"] == len(data)
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    weights = model.generator_.state_dict().values()
    assert found["numbers"] == sum(weight.numel() for weight in weights)
    assert found["format"] == 1
    assert found["class"] == "GANBinarizer"
    assert found["parameters"]["growth_rate"] == 2
    assert found["fitted"]["input_range_"] == [0, 255]
    assert {"skdeblurbin", "torch", "numpy"} <= set(found["versions"])
    assert found["training_state"] is False


def test_for_people(cli):
    code, out, err = cli("info", "plate")
    assert (code, err) == (0, "")
    assert 'file           "plate.safetensors"\n' in out
    assert "\n               n_blocks = 14\n" in out


def test_the_training_state_is_named_and_not_printed(cli, tiny_gan, plates, tmp_path):
    path = tmp_path / "training.safetensors"
    tiny_gan().fit(plates.X, plates.Y).save(path, training_state=True)
    found = json.loads(cli("info", path, "--json")[1])
    assert found["training_state"] is True
    assert "training" not in found


def test_a_name_that_is_none_is_told_with_those_that_are(cli):
    code, _, err = cli("info", "plates")
    assert code == 2
    assert "'plates'" in err
    assert "'characters', 'plate'" in err


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "pickle", "nested"])
def test_bad_files_are_refused_with_the_one_error(cli, model_file, tmp_path, damage):
    data = bytearray(model_file.read_bytes())
    if damage == "bit":
        data[-1] ^= 1
    made = {
        "cut": data[:-1],
        "bit": data,
        "empty": b"",
        "pickle": b"\x80\x04cos\nsystem\n(S'touch harmed'\ntR.",
        "nested": (10**6).to_bytes(8, "little") + b"[" * 10**6,
    }[damage]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(made)
    code, out, err = cli("info", path)
    assert (code, out) == (3, "")
    assert err.startswith(f"skdeblurbin: error: {path}: ")


def test_texts_of_others_give_no_orders_to_the_terminal(cli, tmp_path):
    path = tmp_path / "odd.safetensors"
    orders = "\x1b]0;harmed\x07\r\n\x9b2J"
    write_model(path, {"class": orders, orders: {orders: orders}, "card": [1]}, {})
    code, out, _ = cli("info", path)
    assert code == 0
    assert set(out) <= {"\n", *map(chr, range(32, 127))}
    assert "card           [1]\n" in out


def test_the_checksum_is_looked_at(cli, tmp_path):
    # Else the test of a flipped bit could pass for another reason.
    assert checksum("", {}) != checksum(" ", {})
    path = tmp_path / "model.safetensors"
    write_model(path, {"class": "other"}, {})
    path.write_bytes(path.read_bytes().replace(b"other", b"Other"))
    code, _, err = cli("info", path)
    assert code == 3
    assert "its checksum is wrong" in err
