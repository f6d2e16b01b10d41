"""Detection's post-processing against the suppression of torchvision and OpenCV.

    pip install numpy pydantic pillow onnxruntime torch torchvision opencv-python-headless
    OMP_NUM_THREADS=1 python -m bench.postprocess

Real scenes are what YOLOX-nano sees in photographs, placed among the rows that larger networks
would have (YOLOv8's 8,400, YOLOv5's 25,200) and completed with boxes of low score. Where the data
folder beside the checkout is missing, seeded clusters of boxes take the network's place.

All contenders get the same boxes, in the arrays that each likes best (made beforehand), and take
turns call by call, so that a noisy machine is noisy for all. A figure is the median over rounds of
the median over a round's calls. A contender that is not installed is left out.
"""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.arrays import F32, Index
from service.tasks.boxes import nms
from service.tasks.decoders import DECODERS, Candidates, DecoderConfig, decode, select

SHARED = Path(__file__).parents[2] / "shared"
INPUT_SIZE = (640, 640)
NUM_CLASSES = 80
IOU_LIMIT = 0.45
MAX_CANDIDATES = 3000
# The spread of low scores: at a threshold of 0.001 more than 3,000 candidates are found.
NOISE_SCORES = (3e-4, 1e-2)

Call = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a network saw: boxes (N, 4) as cx, cy, w, h in pixels, objectness (N,), classes."""

    boxes: F32
    objectness: F32
    classes: F32


def real_scenes(model: Path, photos: list[Path]) -> Iterator[Scene]:
    """Run YOLOX-nano (416 x 416, BGR, letterbox) and yield what it says, at 640 x 640."""
    ort = importlib.import_module("onnxruntime")
    image = importlib.import_module("PIL.Image")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    config = DECODERS["yolox"].config(
        decoder="yolox", output="output", num_classes=NUM_CLASSES, multi_label=False
    )
    for photo in photos:
        picture = image.open(photo).convert("RGB")
        picture.thumbnail((416, 416))
        canvas = np.full((416, 416, 3), 114, np.uint8)
        canvas[: picture.height, : picture.width] = np.asarray(picture)
        tensor = canvas[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        rows = session.run(["output"], {"images": tensor})[0][0]
        # Threshold 0 keeps every row, in order: the boxes belong to the rows.
        found = decode({"output": rows}, config, input_size=(416, 416), score_threshold=0)
        boxes = found.boxes * np.float32(640 / 416)
        centre, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        yield Scene(
            boxes=np.concatenate([centre, extent], axis=1),
            objectness=rows[:, 4],
            classes=rows[:, 5:],
        )


def synthetic_scenes(rng: np.random.Generator, count: int) -> Iterator[Scene]:
    """Yield scenes of 12 objects of 4 classes with 60 jittered boxes each."""
    for _ in range(count):
        extent = np.exp(rng.normal(4.5, 0.6, (12, 1, 2)))
        centre = rng.uniform(40, 600, (12, 1, 2))
        jittered = centre + rng.normal(0, 0.15, (12, 60, 2)) * extent
        sizes = extent * np.exp(rng.normal(0, 0.15, (12, 60, 2)))
        closeness = np.exp(-np.square((jittered - centre) / extent).sum(axis=2) * 30)
        classes = np.full((12 * 60, NUM_CLASSES), 1e-4)
        classes[np.arange(12 * 60), np.repeat(rng.integers(0, 4, 12), 60)] = 0.9
        yield Scene(
            boxes=np.concatenate([jittered, sizes], axis=2).reshape(-1, 4).astype(np.float32),
            objectness=closeness.reshape(-1).astype(np.float32),
            classes=classes.astype(np.float32),
        )


def completed(scene: Scene, rows: int, rng: np.random.Generator) -> Scene:
    """Return a scene of `rows` boxes: those given at random places, the others of low score."""
    places = rng.permutation(rows)[: len(scene.objectness)]
    extent = np.exp(rng.normal(3.6, 0.8, (rows, 2)))
    boxes = np.concatenate([rng.uniform(0, 640, (rows, 2)), extent], axis=1)
    lowest, highest = np.log(NOISE_SCORES)
    objectness = np.exp(rng.uniform(lowest, highest, rows))
    classes = rng.random((rows, NUM_CLASSES)) * 0.05
    classes[np.arange(rows), rng.integers(0, NUM_CLASSES, rows)] = 0.9
    boxes[places], objectness[places] = scene.boxes, scene.objectness
    classes[places] = scene.classes
    return Scene(
        boxes=boxes.astype(np.float32),
        objectness=objectness.astype(np.float32),
        classes=classes.astype(np.float32),
    )


def as_output(scene: Scene, decoder: str, rng: np.random.Generator) -> tuple[F32, DecoderConfig]:
    """Return one image's output in the layout of `decoder`, and the configuration for it."""
    config = DECODERS[decoder].config(decoder=decoder, output="output", num_classes=NUM_CLASSES)
    if decoder == "yolov8":
        full = completed(scene, 8400, rng)
        scores = full.objectness[:, None] * full.classes
        return np.ascontiguousarray(np.concatenate([full.boxes, scores], axis=1).T), config
    full = completed(scene, 25_200, rng)
    parts = [full.boxes, full.objectness[:, None], full.classes]
    return np.concatenate(parts, axis=1), config


def peers(candidates: Candidates) -> dict[str, Callable[[], Index]]:
    """Return the suppressions of the installed peers, on these candidates."""
    calls: dict[str, Callable[[], Index]] = {}
    try:
        torch = importlib.import_module("torch")
        ops = importlib.import_module("torchvision.ops")
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
        tensors = [
            torch.from_numpy(array)
            for array in (candidates.boxes, candidates.scores, candidates.class_ids)
        ]
        calls["torchvision"] = lambda: ops.batched_nms(*tensors, IOU_LIMIT).numpy()
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError:
        return calls
    cv2.setNumThreads(1)
    corner, far = candidates.boxes[:, :2], candidates.boxes[:, 2:]
    rectangles = np.concatenate([corner, far - corner], axis=1)
    scores, class_ids = candidates.scores, candidates.class_ids.astype(np.int32)
    calls["OpenCV"] = lambda: cv2.dnn.NMSBoxesBatched(rectangles, scores, class_ids, 0.0, IOU_LIMIT)
    return calls


def contenders(output: F32, config: DecoderConfig, threshold: float) -> tuple[str, dict[str, Call]]:
    """Return what the scene is, in the words of a table's row, and what is to be timed on it."""
    outputs = {"output": output}

    def decoded() -> Candidates:
        return decode(outputs, config, input_size=INPUT_SIZE, score_threshold=threshold)

    def processed() -> object:
        return select(decoded(), iou_limit=IOU_LIMIT, max_candidates=MAX_CANDIDATES)

    found = decoded()
    uncut = select(
        found, suppression="none", max_candidates=MAX_CANDIDATES, max_detections=MAX_CANDIDATES
    )
    boxes = uncut.detections
    kept = nms(boxes.boxes, boxes.scores, boxes.class_ids, iou_limit=IOU_LIMIT)
    calls: dict[str, Call] = {
        "all of Chiasm's": processed,
        "decode": decoded,
        "nms": lambda: nms(boxes.boxes, boxes.scores, boxes.class_ids, iou_limit=IOU_LIMIT),
    }
    differing = []
    for name, call in peers(boxes).items():
        calls[name] = call
        if set(np.asarray(call()).reshape(-1).tolist()) != set(kept.tolist()):
            differing.append(name)
    note = f" (differs: {', '.join(differing)})" if differing else ""
    return f"{len(found):,} | {len(boxes):,} | {len(kept):,}{note}", calls


def measure(calls: dict[str, Call], rounds: int, repeats: int) -> dict[str, float]:
    """Return microseconds a call, the calls having taken turns."""
    medians: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(repeats):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                taken[name].append(time.perf_counter() - start)
        for name, times in taken.items():
            medians[name].append(statistics.median(times) * 1e6)
    return {name: statistics.median(times) for name, times in medians.items()}


def scenes(model: Path, photos: Path, count: int, rng: np.random.Generator) -> list[Scene]:
    """Return real scenes if there is what they are made from, else synthetic ones."""
    if model.is_file() and photos.is_dir():
        return list(real_scenes(model, sorted(photos.iterdir())[:count]))
    print("No network or no photographs: the scenes are synthetic.\n")
    return list(synthetic_scenes(rng, count))


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=SHARED / "models" / "yolox_nano.onnx")
    parser.add_argument("--photos", type=Path, default=SHARED / "data" / "coco" / "images")
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    found = scenes(arguments.model, arguments.photos, arguments.scenes, rng)
    header = ""
    for decoder in ("yolov8", "yolov5"):
        outputs = [as_output(scene, decoder, rng) for scene in found]
        for threshold in (0.25, 0.001):
            for output, config in outputs:
                row, calls = contenders(output, config, threshold)
                times = measure(calls, arguments.rounds, 60 if threshold > 0.1 else 8)
                if not header:
                    header = " | ".join(f"{name}, us" for name in times)
                    print(f"| output | threshold | found | compared | kept | {header} |")
                    print("|---" * (5 + len(times)) + "|")
                figures = " | ".join(f"{value:,.0f}" for value in times.values())
                print(f"| {output.shape} {decoder} | {threshold} | {row} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
