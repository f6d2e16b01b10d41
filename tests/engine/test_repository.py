"""Models loaded, found, shared out among the CPUs, drained and closed."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.arrays import Array
from service.engine.checks import file_sha256
from service.engine.pipeline import Decoded
from service.engine.repository import State, scan
from service.engine.session import Device
from service.errors import ManifestError, ModelNotFound, ShuttingDown
from service.tasks.base import TensorInfo
from service.tasks.classify import ClassifyOptions
from tests.engine.benches import NEVER, brightness, grey
from tests.engine.fakes import PATIENCE_S, Clock, FakeSession, Gate, Recorder
from tests.engine.folders import read_model, write_model
from tests.engine.loading import Load, Sessions, session


def test_no_folders_make_an_empty_repository(load: Load) -> None:
    repository = load()

    assert repository.models == {}
    assert repository.drain(0.0)
    with pytest.raises(ModelNotFound):
        repository.find("classify")


def test_a_model_is_warmed_before_it_is_ready(load: Load, tmp_path: Path) -> None:
    sessions, recorder = Sessions(), Recorder()

    model = load(read_model(tmp_path), sessions=sessions, observer=recorder).find("classify")

    assert (model.name, model.task, model.state, model.reason) == (
        "brightness",
        "classify",
        State.READY,
        "",
    )
    assert sessions.opened[0].runs == recorder.batches == [1, 1]
    assert model.load_ms > 0


def test_the_first_guess_of_the_pace_is_the_second_run(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, costs_s = Clock(), iter([60.0, 0.5])  # the first allocates, and may compile
    monkeypatch.setattr("service.engine.checks.time", clock)
    monkeypatch.setattr("service.engine.repository.time", clock)
    fake = FakeSession(lambda _: clock.pass_s(next(costs_s)))

    model = load(read_model(tmp_path), sessions=Sessions(fake), cpus=2).find("classify")

    assert model.load_ms == 60_500
    model.pipeline.admission.admit(NEVER)
    assert model.pipeline.predicted_wait_s == 0.25  # of two that run at once


def test_a_graph_fixed_at_one_picture_is_taken(load: Load, tmp_path: Path) -> None:
    fake = session((1, 4, 4, 3), (1, 2))
    repository = load(read_model(tmp_path, ("max_size = 8", "")), sessions=Sessions(fake))

    pipeline = repository.find("classify").pipeline
    answer = pipeline.submit(Decoded(grey(77)), ClassifyOptions(crops=5), NEVER).result(PATIENCE_S)

    assert brightness(answer) == 77
    assert fake.runs == [1] * 7  # twice to warm up, then a run for every crop


def test_a_graph_without_a_batch_axis_is_taken(load: Load, tmp_path: Path) -> None:
    class Bare(FakeSession):
        def run(self, feeds: Any, outputs: Any = None) -> dict[str, Array]:
            rows = {name: value[None] for name, value in feeds.items()}
            return {name: value[0] for name, value in super().run(rows, outputs).items()}

    bare = Bare()
    bare.inputs = (TensorInfo("image", (4, 4, 3), "uint8"),)
    bare.outputs = (TensorInfo("scores", (2,), "float32"),)
    folder = read_model(tmp_path, ("max_size = 8", 'axis = "none"'))

    pipeline = load(folder, sessions=Sessions(bare)).find("classify").pipeline
    answer = pipeline.submit(Decoded(grey(77)), ClassifyOptions(), NEVER).result(PATIENCE_S)

    assert brightness(answer) == 77


@pytest.mark.parametrize(
    ("preferred", "name", "found"),
    [
        ({}, None, "a"),  # by name, where nothing is preferred
        ({"classify": ("c", "b")}, None, "c"),
        ({"classify": ("missing", "b")}, None, "b"),
        ({"classify": ("missing",)}, None, "a"),
        ({"detect": ("c",)}, None, "a"),  # another task's
        ({"classify": ("c",)}, "b", "b"),
    ],
)
def test_a_model_is_found_by_name_or_by_preference(
    preferred: dict[str, tuple[str, ...]],
    name: str | None,
    found: str,
    load: Load,
    tmp_path: Path,
) -> None:
    folders = [read_model(tmp_path, name=one) for one in "cab"]

    repository = load(*folders, preferred=preferred)

    assert repository.find("classify", name).name == found
    assert list(repository.models) == ["c", "a", "b"]


@pytest.mark.parametrize(("task", "name"), [("classify", "dog"), ("detect", "a"), ("classify", "")])
def test_a_model_that_is_not_there_is_said_with_those_that_are(
    task: str, name: str, load: Load, tmp_path: Path
) -> None:
    repository = load(read_model(tmp_path, name="b"), read_model(tmp_path, name="a"))

    with pytest.raises(ModelNotFound) as error:
        repository.find(task, name)

    assert error.value.members["available"] == (["a", "b"] if task == "classify" else [])


@pytest.mark.parametrize(
    ("runtime", "limits", "threads", "instances"),
    [
        ("", {"cpus": 0.5}, 1, 1),
        ("", {"cpus": 4}, 1, 4),  # a run on each CPU
        ("threads = 2", {"cpus": 4}, 2, 2),
        ("threads = 3", {"cpus": 4}, 3, 1),
        ("threads = 8", {"cpus": 4}, 4, 1),  # no more than there are
        ("threads = 2\ninstances = 3", {"cpus": 4}, 2, 3),
        ("threads = 2\ninstances = 3", {"cpus": 4, "threads": 1, "instances": 2}, 1, 2),
    ],
)
def test_cpus_are_shared_out_as_the_operator_or_the_manifest_says(
    runtime: str,
    limits: dict[str, Any],
    threads: int,
    instances: int,
    load: Load,
    tmp_path: Path,
) -> None:
    folder, sessions = (
        read_model(tmp_path, ("[input]", f"[runtime]\n{runtime}\n[input]")),
        Sessions(),
    )

    repository = load(folder, sessions=sessions, device=Device.CPU, **limits)

    model = repository.find("classify")
    assert (model.threads, model.instances) == (threads, instances)
    assert sessions.asked == [("brightness", Device.CPU, threads)]
    assert repository.cpus == limits["cpus"]
    assert repository.pool.threads == max(1, int(limits["cpus"]))


@pytest.mark.parametrize(
    ("provider", "cpus", "runs"),
    [
        ("CPUExecutionProvider", 1, [1, 1, 1, 1]),  # the only thread runs before it decodes more
        ("CPUExecutionProvider", 2, [1, 3]),  # the other thread decodes meanwhile
        ("CUDAExecutionProvider", 1, [1, 3]),  # the device is waited for elsewhere
    ],
)
def test_pictures_share_a_run_where_they_meet(
    provider: str, cpus: int, runs: list[int], load: Load, tmp_path: Path
) -> None:
    gate, waits = Gate(), []
    fake = FakeSession(lambda _: gate() if waits else None)
    fake.provider = provider
    folder = read_model(tmp_path)
    repository = load(folder, sessions=Sessions(fake), cpus=cpus, instances=1)
    pipeline = repository.find("classify").pipeline
    fake.runs.clear()
    waits.append(True)

    answers = [pipeline.submit(Decoded(grey(1)), ClassifyOptions(), NEVER)]
    gate.wait_for_arrival()
    answers += [pipeline.submit(Decoded(grey(1)), ClassifyOptions(), NEVER) for _ in range(3)]
    if len(runs) == 2:  # there is a thread for it: it comes to this behind the three
        repository.pool.run(lambda: None).result(PATIENCE_S)
    gate.open()

    for answer in answers:
        answer.result(PATIENCE_S)
    assert fake.runs == runs


def test_draining_waits_for_what_is_in_hand(load: Load, tmp_path: Path) -> None:
    repository = load(read_model(tmp_path, name="a"), read_model(tmp_path, name="b"))
    pipeline = repository.find("classify", "b").pipeline
    ticket = pipeline.admission.admit(NEVER)
    assert not repository.draining

    assert not repository.drain(0.0)
    assert repository.draining
    for name in "ab":
        with pytest.raises(ShuttingDown):
            repository.find("classify", name).pipeline.admission.check(NEVER)

    ticket.release(completed=True)
    assert repository.drain(0.0)


def test_closing_ends_every_thread_and_session(load: Load, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    sessions = Sessions()
    folders = [read_model(tmp_path, name=name) for name in "ab"]
    repository = load(*folders, sessions=sessions, cpus=3)
    assert set(threading.enumerate()) > before

    repository.close()

    assert set(threading.enumerate()) <= before
    assert [fake.closed for fake in sessions.opened] == [True, True]


def test_a_directory_is_scanned_by_name(tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        write_model(tmp_path, name=name)
    (tmp_path / "a" / "model.onnx").unlink()  # is for whoever loads it to miss
    (tmp_path / "no-model").mkdir()
    (tmp_path / "README.md").write_text("models")

    assert [folder.manifest.name for folder in scan(tmp_path)] == ["a", "b", "c"]
    with pytest.raises(ManifestError, match="no such directory"):
        scan(tmp_path / "missing")


def test_a_digest_is_sha256s(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(300_000)
    (tmp_path / "file").write_bytes(data)

    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()
