"""What stops a start, what only keeps a model from being ready, and that nothing is left behind."""

import threading
from pathlib import Path
from typing import Any

import pytest

from service.engine.checks import file_sha256
from service.engine.repository import State
from service.engine.session import CPU_PROVIDER
from service.errors import DeviceUnavailable, ManifestError, ModelNotReady
from tests.engine.fakes import FakeSession
from tests.engine.folders import GRAPH, read_model, write_golden
from tests.engine.loading import Load, Sessions, broken, session

LARGER = ("max_size = 8", "max_size = 4")
LABELS = '["dark", "bright"]'


def test_a_right_golden_answer_makes_a_model_ready(load: Load, tmp_path: Path) -> None:
    folder = read_model(tmp_path)
    write_golden(folder.path)

    assert load(folder).find("classify").state is State.READY


@pytest.mark.parametrize(
    ("members", "fake", "reason"),
    [
        (
            {"expected": {"predictions": [{"class_id": 0, "label": "dark", "score": 0.5}]}},
            FakeSession(),
            "golden answer: predictions.0.class_id: expected 0, got 1",
        ),
        ({"tolerance": {}}, FakeSession(), "golden answer: predictions.0.score: expected 0.5"),
        ({"options": {}}, FakeSession(), "golden answer: predictions: expected 1 entries, got 2"),
        ({}, broken(OSError("out of order")), "golden answer: out of order"),
        ({}, broken(OSError()), "golden answer: OSError"),  # that says nothing more
        (None, broken(OSError("out of order")), "golden answer: out of order"),
        ({"picture": b"none"}, FakeSession(), "golden answer: not a JPEG"),
    ],
)
def test_a_model_that_fails_its_check_is_there_but_not_ready(
    members: dict[str, Any] | None, fake: FakeSession, reason: str, load: Load, tmp_path: Path
) -> None:
    folder = read_model(tmp_path)
    if members is not None:
        write_golden(folder.path, **members)

    repository = load(folder, sessions=Sessions(fake))

    model = repository.models["brightness"]
    assert model.state is State.FAILED
    assert model.reason.startswith(reason)
    with pytest.raises(ModelNotReady, match="brightness") as error:
        repository.find("classify", "brightness")
    assert error.value.members == {"model": "brightness"}


@pytest.mark.parametrize(
    ("members", "key"),
    [({"options": {"top_k": 0}}, "options.top_k"), ({"image": "missing.png"}, "image")],
)
def test_a_golden_check_that_cannot_be_made_stops_the_start(
    members: dict[str, Any], key: str, load: Load, tmp_path: Path
) -> None:
    folder, sessions = read_model(tmp_path), Sessions()
    write_golden(folder.path, **members)
    before = set(threading.enumerate())

    with pytest.raises(ManifestError) as error:
        load(folder, sessions=sessions)

    assert (error.value.file, error.value.key) == (folder.path / "golden.json", key)
    assert sessions.opened[0].closed
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("provider", [CPU_PROVIDER, "CUDAExecutionProvider"])
@pytest.mark.parametrize(
    ("change", "fake", "key"),
    [
        (("size = [4, 4]", "size = [5, 4]"), FakeSession(), "input.size"),
        (('layout = "NHWC"', ""), FakeSession(), "input.size"),
        (("size = [4, 4]", 'size = [4, 4]\nname = "x"'), FakeSession(), "input.name"),
        (("size = [4, 4]", "size = [4, 4]\nscale = 0.5"), FakeSession(), "input.scale"),
        ((LABELS, '["one"]'), FakeSession(), "config.labels"),  # too few
        ((LABELS, '["one", "two", "three"]'), FakeSession(), "config.labels"),  # too many
        (('"none"', '"none"\noutput = "probabilities"'), FakeSession(), "config.output"),
        (LARGER, session((1, 4, 4, 3), (1, 2)), "batch.max_size"),  # fixed at one
        (LARGER, session((2, 4, 4, 3), (2, 2)), "batch.max_size"),  # fixed at two
        (LARGER, session((4, 4, 4, 3), (4, 2)), "batch.max_size"),  # could run no single picture
        (("max_size = 8", 'max_size = 8\naxis = "input"'), FakeSession(), "batch.max_size"),
    ],
)
def test_a_manifest_that_contradicts_its_graph_stops_the_start(
    change: tuple[str, str],
    fake: FakeSession,
    key: str,
    provider: str,
    load: Load,
    tmp_path: Path,
) -> None:
    fake.provider = provider
    folder = read_model(tmp_path, change)
    before = set(threading.enumerate())

    with pytest.raises(ManifestError) as error:
        load(folder, sessions=Sessions(fake))

    assert (error.value.file, error.value.key) == (folder.manifest_path, key)
    assert fake.closed
    assert set(threading.enumerate()) <= before


def test_a_file_that_is_missing_or_changed_stops_the_start(load: Load, tmp_path: Path) -> None:
    folder = read_model(tmp_path)

    folder.graph_path.write_bytes(GRAPH + b"!")
    with pytest.raises(ManifestError) as error:
        load(folder)
    assert (error.value.file, error.value.key) == (folder.manifest_path, "sha256")
    assert file_sha256(folder.graph_path) in error.value.reason

    folder.graph_path.unlink()
    with pytest.raises(ManifestError) as error:
        load(folder)
    assert (error.value.file, error.value.key) == (folder.manifest_path, "file")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError("Protobuf parsing failed"), ManifestError),
        (DeviceUnavailable("no such device"), DeviceUnavailable),
    ],
)
def test_what_the_runtime_says_of_a_file_stops_the_start(
    error: Exception, raised: type[Exception], load: Load, tmp_path: Path
) -> None:
    def refuse(*_: object) -> FakeSession:
        raise error

    with pytest.raises(raised, match=str(error)):
        load(read_model(tmp_path), sessions=refuse)


def test_a_start_that_fails_closes_what_it_had_opened(load: Load, tmp_path: Path) -> None:
    names = ["bad", "good", "other"]
    good = [read_model(tmp_path, name=name) for name in names]
    bad = read_model(tmp_path / "bad", (LABELS, '["one"]'))
    sessions, before = Sessions(), set(threading.enumerate())

    with pytest.raises(ManifestError, match=r"config\.labels"):
        load(*good, bad, *good, sessions=sessions, cpus=2)

    assert len(sessions.opened) >= 4
    assert all(fake.closed for fake in sessions.opened)
    assert set(threading.enumerate()) <= before
