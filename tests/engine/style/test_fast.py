"""Paintings in one pass, by the networks that are shipped."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.arrays import U8, Array
from service.engine.manifest import read_folder
from service.engine.repository import Repository
from service.engine.session import Device, OrtSession
from service.engine.style.fast import Bound, FastStyle, Stopped
from service.errors import InvalidOption, ModelNotFound
from service.imaging.color import keep_color
from service.imaging.picture import Picture
from service.tasks.base import Network
from service.tasks.style.encode import EncodeOptions
from service.tasks.style.fast import FastOptions

MODELS = Path(__file__).parents[3] / "models"
NAMES = {
    "presets": "multistyle26",
    "encode": "magenta-style-predict",
    "transform": "magenta-style-transform",
}
SMALL = (192, 192)  # the most that a run of `parts` sees


class Counted:
    """A session that remembers how large the pictures were that it ran."""

    def __init__(self, session: OrtSession) -> None:
        self.runs: list[tuple[int, ...]] = []
        self._session = session

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        self.runs.append(feeds["image"].shape[1:3])
        return self._session.run(feeds)


@pytest.fixture(scope="module")
def sessions() -> dict[str, OrtSession]:
    return {
        key: OrtSession(MODELS / name / "model.onnx", device=Device.CPU, threads=1)
        for key, name in NAMES.items()
    }


@pytest.fixture
def fast(sessions: dict[str, OrtSession]) -> FastStyle:
    """Return what is shipped, its runs counted."""
    return bind(sessions)


@pytest.fixture
def parts(sessions: dict[str, OrtSession]) -> FastStyle:
    """Return the same with runs that see little, so that pictures are painted in parts."""
    return bind(sessions, size=SMALL)


def bind(sessions: dict[str, OrtSession], **choices: Any) -> FastStyle:
    bound = {}
    for key, session in sessions.items():
        folder = read_folder(MODELS / NAMES[key])
        spec = folder.manifest.input
        network = Network(
            name=folder.manifest.name,
            input=spec if key == "encode" else spec.model_copy(update=choices),
            inputs=session.inputs,
            outputs=session.outputs,
        )
        bound[key] = Bound(folder.task_type(network, folder.config), Counted(session))
    return FastStyle(**bound)


def scene(height: int = 90, width: int = 70, seed: int = 0) -> Picture:
    """Return large shapes, each of a colour of its own, on a ground that brightens downwards."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.float32)
    pixels += np.linspace(40, 200, height)[:, None, None]
    for _ in range(30):
        y, x = rng.integers(0, height), rng.integers(0, width)
        pixels[y : y + 40, x : x + 30] = rng.integers(0, 256, 3)
    return Picture.from_pixels(pixels.astype(np.uint8))


def options(**choices: Any) -> FastOptions:
    return FastOptions.model_validate(choices)


def preset(number: int) -> Array:
    return np.eye(26, dtype=np.float32)[number]


def apart(one: U8, other: U8) -> float:
    return float(np.abs(one.astype(np.float32) - other).mean())


@pytest.mark.parametrize("size", [(90, 70), (64, 96), (31, 33), (5, 3)])
def test_a_preset_is_what_the_network_paints(fast: FastStyle, size: tuple[int, int]) -> None:
    content = scene(*size)

    painted = fast.paint(content, None, options(preset=7))

    task, session = fast.presets.task, fast.presets.session
    outputs = session.run(task.feeds(content.pixels, preset(7)))
    assert painted.size == size
    np.testing.assert_array_equal(painted.pixels, task.painted(outputs, size))
    assert fast.encode.session.runs == fast.transform.session.runs == []


def test_a_mixture_lies_between_its_presets(fast: FastStyle) -> None:
    first, both, second = (
        fast.paint(scene(), None, options(preset=text)).pixels for text in ("7", "7,19", "19")
    )

    assert apart(first, both) < apart(first, second)
    assert apart(second, both) < apart(first, second)


def test_presets_fade_into_the_content(fast: FastStyle) -> None:
    content = scene()
    none, half, full = (
        fast.paint(content, None, options(preset=7, strength=strength)).pixels
        for strength in (0, 0.5, 1)
    )

    np.testing.assert_array_equal(none, content.pixels)
    middle = (content.pixels.astype(np.float32) + full) / 2
    np.testing.assert_allclose(half, middle, atol=0.51)


def test_any_picture_is_a_style(fast: FastStyle) -> None:
    content, style = scene(), scene(300, 280, seed=1)

    painted = fast.paint(content, style, options())

    encode, transform = fast.encode, fast.transform
    prepared = encode.task.preprocess(style, EncodeOptions())
    vector = encode.session.run(prepared.tensors)["vector"][0]
    outputs = transform.session.run(transform.task.feeds(content.pixels, vector))
    expected = transform.task.painted(outputs, content.size)
    np.testing.assert_array_equal(painted.pixels, expected)
    assert fast.presets.session.runs == []


def test_a_weak_style_is_on_the_way_from_the_contents_own(fast: FastStyle) -> None:
    content, style = scene(), scene(seed=1)
    own = fast.paint(content, content, options()).pixels
    none, half, full = (
        fast.paint(content, style, options(strength=strength)).pixels for strength in (0, 0.5, 1)
    )

    np.testing.assert_array_equal(none, own)
    assert apart(none, half) < apart(none, full)
    assert apart(half, full) < apart(none, full)


@pytest.mark.parametrize(
    ("style", "choices"), [(None, {"preset": 19}), (scene(seed=1), {})], ids=["preset", "picture"]
)
def test_colours_of_the_content_can_be_kept(
    fast: FastStyle, style: Picture | None, choices: dict[str, Any]
) -> None:
    content = scene()
    painted = fast.paint(content, style, options(**choices)).pixels

    kept = fast.paint(content, style, options(**choices, preserve_color=True)).pixels

    np.testing.assert_array_equal(kept, keep_color(painted, content.pixels))


def test_the_result_may_be_smaller_than_the_content(fast: FastStyle) -> None:
    painted = fast.paint(scene(90, 70), None, options(preset=7, size=45))

    assert painted.size == (45, 35)
    assert fast.presets.session.runs == [(48, 36)]


@pytest.mark.parametrize("key", ["presets", "transform"])
def test_a_part_comes_out_as_it_does_within_the_whole(parts: FastStyle, key: str) -> None:
    task, session = getattr(parts, key).task, getattr(parts, key).session
    pixels, size = scene(200, 290).pixels, (200, 290)
    style = np.linspace(0, 1, task.numbers, dtype=np.float32)
    style /= style.sum()
    whole = session.run(task.feeds(pixels, style))
    statistics = task.statistics(whole)

    for part in task.tiles(size):
        window = pixels[part.window]
        outputs = session.run(task.feeds(window, style, statistics))
        painted = task.painted(outputs, window.shape[:2])[part.inner]
        np.testing.assert_array_equal(painted, task.painted(whole, size)[part.core])
        np.testing.assert_array_equal(task.statistics(outputs), statistics)


def test_a_large_picture_is_painted_in_parts_as_if_it_were_one(parts: FastStyle) -> None:
    content = scene(200, 290)
    task, session = parts.presets.task, parts.presets.session

    painted = parts.paint(content, None, options(preset=7))

    assert all(height * width <= 192 * 192 for height, width in session.runs)
    assert len(session.runs) == 1 + len(task.tiles(content.size)) == 21
    mosaic = session.run(task.feeds(task.mosaic(content.pixels), preset(7)))
    whole = session.run(task.feeds(content.pixels, preset(7), task.statistics(mosaic)))
    np.testing.assert_array_equal(painted.pixels, task.painted(whole, content.size))


def test_without_common_statistics_parts_would_differ(parts: FastStyle) -> None:
    task, session = parts.presets.task, parts.presets.session
    pixels, size = scene(200, 290).pixels, (200, 290)
    whole = task.painted(session.run(task.feeds(pixels, preset(7))), size)
    part = task.tiles(size)[0]
    window = pixels[part.window]

    alone = task.painted(session.run(task.feeds(window, preset(7))), window.shape[:2])[part.inner]

    assert apart(alone, whole[part.core]) > 5


def test_progress_is_told_after_every_run(parts: FastStyle) -> None:
    told: list[float] = []
    parts.paint(scene(192, 300), None, options(preset=7), progress=told.append)
    assert told == pytest.approx([run / len(told) for run in range(1, len(told) + 1)])
    assert len(told) == len(parts.presets.session.runs) > 2

    told.clear()
    parts.paint(scene(), None, options(preset=7), progress=told.append)
    assert told == [1.0]


@pytest.mark.parametrize("runs", [0, 1, 3])
def test_work_stops_before_the_next_run(parts: FastStyle, runs: int) -> None:
    done = parts.presets.session.runs

    with pytest.raises(Stopped):
        parts.paint(scene(200, 290), None, options(preset=7), should_stop=lambda: len(done) == runs)

    assert len(done) == runs


@pytest.mark.parametrize("answers", [1, 2, 3])
def test_work_stops_between_networks(fast: FastStyle, answers: int) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == answers

    with pytest.raises(Stopped):
        fast.paint(scene(), scene(seed=1), options(strength=0.5), should_stop=stop)

    runs = [len(bound.session.runs) for bound in (fast.encode, fast.transform)]
    assert runs == [answers - 1, 0]


@pytest.mark.parametrize(
    ("style", "choices", "reason"),
    [
        (None, {"preset": 26}, "there is no preset 26"),
        (None, {}, "needed where no style picture is given"),
        (scene(), {"preset": 7}, "there is a style picture already"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_any_run(
    fast: FastStyle, style: Picture | None, choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidOption, match=f"preset: {reason}"):
        fast.check(options(**choices), styled=style is not None)
    with pytest.raises(InvalidOption, match=f"preset: {reason}"):
        fast.paint(scene(), style, options(**choices))
    assert fast.presets.session.runs == fast.encode.session.runs == []


def test_the_networks_are_found_by_their_tasks(load: Callable[..., Repository]) -> None:
    sessions = lambda path, device, threads, **_: OrtSession(path, device=device, threads=threads)  # noqa: E731
    folders = [read_folder(MODELS / name) for name in NAMES.values()]

    models = load(*folders, sessions=sessions)

    fast = FastStyle.of(models)
    assert fast.presets.session is models.models["multistyle26"].session
    assert fast.paint(scene(), scene(seed=1), options()).size == (90, 70)


def test_a_network_that_is_not_there_is_said(load: Callable[..., Repository]) -> None:
    with pytest.raises(ModelNotFound):
        FastStyle.of(load())
