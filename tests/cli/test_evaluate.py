"""`chiasm eval detect` on a detector that finds what the test has painted."""

import json
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.cli import main
from service.cli.coco import DataSet, Photo
from service.cli.evaluate import measure
from service.engine.pipeline import Answer
from service.tasks.detect import Detections, DetectOptions
from service.tasks.evaluation import Objects
from tests.cli.spots import annotation, write_annotations, write_model, write_picture

CATEGORIES = {1: "Red", 2: "green", 3: "ultraviolet"}
# Red's scores are 0.90 right, 0.59 wrong, 0.31 right: precision 1 up to recall 1/2, then 2/3. The
# first overlaps its object by 0.78: beyond that, only the third is right, at precision 1/3.
RED_AP50 = (51 + 50 * 2 / 3) / 101
RED_AP = (6 * RED_AP50 + 4 * (51 / 3) / 101) / 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the model in use, and three pictures in `images`."""
    write_model(tmp_path / "models")
    monkeypatch.setenv("CHIASM_MODELS_DIR", str(tmp_path / "models"))
    images = tmp_path / "images"
    images.mkdir()
    write_picture(images / "a.png", [(8, 8, "red", 230), (20, 20, "green", 200)])
    write_picture(images / "b.png", [(8, 8, "red", 150), (24, 8, "red", 80), (8, 24, "blue", 250)])
    write_picture(images / "c.png", [])
    write_annotations(
        tmp_path / "coco.json",
        {1: "a.png", 2: "b.png", 3: "c.png"},
        CATEGORIES,
        [
            annotation(1, 9, 8, 1),
            annotation(1, 20, 20, 2, iscrowd=1),
            annotation(2, 24, 8, 1),
            annotation(3, 16, 16, 2),
            annotation(3, 16, 16, 3),
        ],
        width=32,
        height=32,
    )
    return tmp_path


def evaluate(folder: Path, *options: str) -> int:
    """Run the command; of options given twice the last one counts."""
    images, annotations = folder / "images", folder / "coco.json"
    return main(["eval", "detect", f"--images={images}", f"--annotations={annotations}", *options])


def figures_of(folder: Path, *options: str) -> dict[str, Any]:
    file = folder / "figures.json"
    assert evaluate(folder, f"--json={file}", *options) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_figures_of_a_data_set(folder: Path) -> None:
    figures = figures_of(folder)

    red, green = figures["classes"]
    assert (red["ap"], red["ap50"]) == pytest.approx((RED_AP, RED_AP50))
    assert (red["objects"], red["hits"], red["false_alarms"], red["missed"]) == (2, 1, 1, 1)
    assert (green["ap"], green["objects"], green["false_alarms"]) == (0, 1, 0)  # only in a crowd
    assert figures["total"]["precision"] == 0.5
    assert figures["total"]["recall"] == pytest.approx(1 / 3)
    assert figures["total"]["ap"] == pytest.approx(red["ap"] / 2)
    assert figures["score_threshold"] == 0.5  # the manifest's
    assert figures["pictures"] == 3
    assert figures["unknown_categories"] == {"ultraviolet": 1}


@pytest.mark.parametrize(
    ("options", "hits", "false_alarms"),
    [
        (["--score-threshold=0.3"], 2, 1),
        (["--score-threshold=0.8"], 1, 0),
        (["--score-threshold=0.3", "--iou=0.8"], 1, 2),
    ],
)
def test_the_caller_chooses_where_precision_and_recall_are_counted(
    folder: Path, options: list[str], hits: int, false_alarms: int
) -> None:
    figures = figures_of(folder, *options)

    total = figures["total"]
    assert (total["hits"], total["false_alarms"]) == (hits, false_alarms)
    assert total["ap"] == pytest.approx(RED_AP / 2)


def test_what_cannot_be_taken_a_share_of_is_null_in_the_file(folder: Path) -> None:
    write_annotations(folder / "coco.json", {3: "c.png"}, CATEGORIES, [])

    figures = figures_of(folder)

    assert figures["total"]["ap"] is figures["best_f1_score_threshold"] is None


def test_the_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(folder) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["per", "red", "green", "all"]
    assert lines[-1] == "unknown to the model: ultraviolet, 1 objects"


def test_pictures_that_cannot_be_judged_are_left_out_and_told(folder: Path) -> None:
    (folder / "images" / "a.png").write_bytes(b"no picture")
    write_picture(folder / "images" / "b.png", [], side=16)
    (folder / "images" / "c.png").rename(folder / "images" / "d.png")
    write_annotations(
        folder / "coco.json",
        {1: "a.png", 2: "b.png", 3: "c.png", 4: "d.png"},
        CATEGORIES,
        [annotation(4, 8, 8, 1)],
        width=32,
        height=32,
    )

    figures = figures_of(folder)

    assert figures["pictures"] == 1
    assert figures["left_out"] == {
        "a.png": "not a JPEG, PNG, WebP, BMP, GIF or TIFF picture",
        "b.png": "annotated at 32 x 32, but upright it has 16 x 16 pixels",
        "c.png": "is not in the folder of pictures",
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--model=nobody"], "chiasm: there is no model named 'nobody' for this task"),
        (["--annotations=/nowhere.json"], "No such file"),
    ],
)
def test_what_is_not_there_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert evaluate(folder, *options) == 1

    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("text", ["1.5", "-1", "half"])
def test_a_threshold_is_a_share(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        main(["eval", "detect", "--images=.", "--annotations=x.json", f"--iou={text}"])

    assert "--iou" in capsys.readouterr().err


class Attended:
    """A pipeline that answers at once, and counts how many answers nobody has taken yet."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self.asked: list[DetectOptions] = []

    def submit(self, source: object, options: DetectOptions, deadline: object) -> Future[Answer]:
        self.asked.append(options)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        none = np.empty(0)
        nothing = Detections(
            boxes_source=np.empty((0, 4), np.float32),
            scores=none.astype(np.float32),
            class_ids=none.astype(np.intp),
            labels=(),
            truncated=False,
        )
        return Taken(self, Answer(result=nothing, size=(32, 32), timings={}))


class Taken(Future[Answer]):
    """Tells its pipeline when it is asked for its answer."""

    def __init__(self, pipeline: Attended, answer: Answer) -> None:
        super().__init__()
        self.set_result(answer)
        self._pipeline = pipeline

    def result(self, timeout: float | None = None) -> Answer:
        self._pipeline.waiting -= 1
        return super().result(timeout)


@pytest.fixture
def attended(tmp_path: Path) -> tuple[Any, DataSet]:
    """Return a model whose pipeline is attended, and nine pictures."""
    path = tmp_path / "a.png"
    write_picture(path, [])
    nothing = Objects(
        boxes=np.empty((0, 4)), class_ids=np.empty(0, np.intp), crowd=np.empty(0, np.bool_)
    )
    photos = tuple(
        Photo(name=f"{number}.png", path=path, size=None, objects=nothing) for number in range(9)
    )
    data = DataSet(photos=photos, labels={0: "red"}, unknown={}, missing=())
    return SimpleNamespace(name="attended", pipeline=Attended()), data


@pytest.mark.parametrize(("in_flight", "most"), [(1, 1), (3, 3), (20, 9)])
def test_several_pictures_are_on_their_way_but_not_too_many(
    attended: tuple[Any, DataSet], in_flight: int, most: int
) -> None:
    model, data = attended

    report = measure(model, data, in_flight=in_flight, iou=0.5, score_threshold=0.5)

    assert (report.pictures, model.pipeline.most, model.pipeline.waiting) == (9, most, 0)


@pytest.mark.parametrize(("score_threshold", "asked"), [(0.5, 0.001), (0.0001, 0.0001)])
def test_all_detections_that_count_are_asked_for(
    attended: tuple[Any, DataSet], score_threshold: float, asked: float
) -> None:
    model, data = attended

    measure(model, data, in_flight=3, iou=0.5, score_threshold=score_threshold)

    assert set(model.pipeline.asked) == {DetectOptions(score_threshold=asked, max_detections=100)}
