"""Error rates of /verify, measured on a folder of people: → `models/<encoder>/model.toml`.

    python -m tools.calibrate_faces ../shared/data/lfw --write

The folder has a folder of photographs for each person. All pairs are compared, through the
service's own code. What is measured is tied by digests to the networks and to all that decides
which pixels they see: the service does not start with a calibration of something else.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.app import open_models
from service.arrays import F32
from service.engine.deadline import Deadline
from service.engine.faces import FaceModels, FacePipeline, FaceRequest, Pick, preprocessing_digest
from service.engine.manifest import ModelFolder, read_folder
from service.engine.pipeline import Encoded
from service.engine.repository import scan
from service.errors import ModelNotFound, NoFace
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.tasks.faces import FaceDetect, FaceEmbed, FaceLandmarks
from service.tasks.faces.calibration import Calibration, OperatingCurve, OperatingPoint
from service.tasks.faces.embed import Accuracy
from service.telemetry import Metrics
from tools.verification import Pairs, accuracy, all_pairs, area_under_roc, error_rates, strictest

# dlib's own threshold (dlib.net, face_recognition.py), which no photograph here had a part in
# choosing; of the mirrored way, the one with the same false match rate.
DLIB_THRESHOLD = 0.6
RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)
GRID = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.65, 0.7)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

HEADING = "[config.calibration]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the service makes of the photographs.

    Attributes:
        standard, high: the pairs, by how accurately faces are encoded.
        photographs: how many were compared.
        left_out: the others, and why.
    """

    standard: Pairs
    high: Pairs
    photographs: int
    left_out: tuple[str, ...]


def photographs(folder: Path) -> list[tuple[str, Path]]:
    """Return (person, photograph) for all pictures in the folder's folders, in order of names.

    Raises:
        ValueError: there are not two people, or nobody has two photographs.
    """
    found = [
        (path.parent.name, path)
        for path in sorted(folder.glob("*/*"))
        if path.suffix.lower() in SUFFIXES
    ]
    _check_enough([person for person, _ in found], folder)
    return found


def _check_enough(people: Sequence[str], folder: Path) -> None:
    different = set(people)
    if len(different) < 2 or len(people) == len(different):
        raise ValueError(f"{folder}: needs two people, one of them with two photographs")


def measure(faces: FacePipeline, folder: Path) -> Measured:
    """Encode the largest face of every photograph, both ways, and pair them all.

    Raises:
        ValueError: too few photographs have a face that can be judged.
    """
    people, left_out = [], []
    encodings: dict[Accuracy, list[F32]] = {way: [] for way in Accuracy}
    for person, path in photographs(folder):
        try:
            found = {way: _encode(faces, path, way) for way in Accuracy}
        except (NoFace, FlawedFace) as error:
            left_out.append(f"{path.name}: {error}")
            continue
        people.append(person)
        for way, encoding in found.items():
            encodings[way].append(encoding)
    _check_enough(people, folder)
    pairs = {way: all_pairs(np.stack(rows), people) for way, rows in encodings.items()}
    return Measured(
        standard=pairs[Accuracy.STANDARD],
        high=pairs[Accuracy.HIGH],
        photographs=len(people),
        left_out=tuple(left_out),
    )


class FlawedFace(Exception):
    """A face that the service would not judge."""


def _encode(faces: FacePipeline, path: Path, way: Accuracy) -> F32:
    source = Encoded(path.read_bytes(), DecodeLimits())
    request = FaceRequest(pick=Pick.LARGEST, embed=True, accuracy=way, part=path.name)
    [face] = faces.submit(source, request, Deadline.never()).result().faces
    if face.flaws:
        raise FlawedFace(", ".join(face.flaws))
    return face.encoded()


def curve(pairs: Pairs, default: float) -> OperatingCurve:
    """Return the threshold table of some pairs: given false match rates, and a grid around them."""
    rates = error_rates(pairs, [default, *GRID, *(strictest(pairs, rate) for rate in RATES)])
    columns = {
        "threshold": rates.thresholds,
        "false_match_rate": rates.false_match,
        "false_match_rate_high": rates.false_match_high,
        "false_non_match_rate": rates.false_non_match,
        "false_non_match_rate_high": rates.false_non_match_high,
    }
    rows = (
        OperatingPoint(**{key: round(float(values[row]), 5) for key, values in columns.items()})
        for row in range(len(rates.thresholds))
    )
    return OperatingCurve(default_threshold=default, rows=tuple(rows))


def calibration(measured: Measured, folders: Sequence[ModelFolder], data: str) -> Calibration:
    """Return what goes into the encoder's manifest.

    Args:
        measured: the pairs.
        folders: of detector, landmarks and encoder.
        data: the name of the photographs.
    """
    pairs = measured.standard
    false_matches = float((pairs.distances[~pairs.same] <= DLIB_THRESHOLD).mean())
    same = int(pairs.same.sum())
    return Calibration(
        data=f"{data}: {measured.photographs} photographs of {pairs.people} people",
        people=pairs.people,
        pairs_same=same,
        pairs_different=len(pairs.same) - same,
        model_sha256=folders[-1].manifest.sha256,
        preprocessing=preprocessing_digest(*folders),
        standard=curve(pairs, DLIB_THRESHOLD),
        high=curve(measured.high, strictest(measured.high, false_matches)),
    )


def section(found: Calibration) -> str:
    """Return a calibration as a manifest has it: `[config.calibration]`, its tables behind it."""
    facts = found.model_dump(exclude={"standard", "high"})
    lines = ["# Written by tools/calibrate_faces.py.", HEADING]
    lines += [f"{key} = {_plain(value)}" for key, value in facts.items()]
    for name in ("standard", "high"):
        table: OperatingCurve = getattr(found, name)
        lines += ["", HEADING.replace("]", f".{name}]")]
        lines += [f"default_threshold = {table.default_threshold}", "rows = ["]
        for row in table.rows:
            members = ", ".join(f"{key} = {_plain(value)}" for key, value in row)
            lines.append(f"    {{ {members} }},")
        lines.append("]")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def write(folder: Path, found: Calibration) -> None:
    """Put a calibration into a manifest, behind all the rest and in place of an older one.

    Raises:
        ManifestError: the manifest that came out is wrong; the old one is kept.
    """
    path = folder / "model.toml"
    before = path.read_text("utf-8")
    rest = re.split(rf"(?m)^(?:# .*\n)?{re.escape(HEADING)}$", before)[0]
    path.write_text(f"{rest.rstrip()}\n\n{section(found)}", "utf-8")
    try:
        read_folder(folder)
    except Exception:
        path.write_text(before, "utf-8")
        raise


def report(measured: Measured, found: Calibration) -> str:
    """Return the figures as Markdown."""
    lines = [
        f"{found.data}; {found.pairs_same} pairs of one person, {found.pairs_different} of two"
    ]
    lines += [f"left out: {reason}" for reason in measured.left_out]
    for name in ("standard", "high"):
        pairs, table = getattr(measured, name), getattr(found, name)
        default = table.default_threshold
        lines += [
            f"\n{name}: AUC {area_under_roc(pairs):.5f}, accuracy {accuracy(pairs, default):.4f} "
            f"at {default}\n",
            "| threshold | false match rate | at most | false non-match rate | at most |",
            "|---|---|---|---|---|",
        ]
        lines += [
            "| " + " | ".join(f"{value:.4g}" for _, value in row) + " |" for row in table.rows
        ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path, help="a folder with a folder for each person")
    parser.add_argument("--name", help="what to call the photographs; default: the folder's name")
    parser.add_argument("--write", action="store_true", help="into the encoder's manifest")
    chosen = parser.parse_args(arguments)
    settings = Settings()
    tasks = {FaceDetect.name, FaceLandmarks.name, FaceEmbed.name}
    folders = [one for one in scan(settings.models_dir) if one.manifest.task in tasks]
    models = open_models(settings, Metrics(), folders)
    try:
        networks = FaceModels.of(models)
        measured = measure(FacePipeline(networks), chosen.people)
    except (ValueError, ModelNotFound) as error:
        parser.exit(1, f"error: {error}\n")
    finally:
        models.close()
    asked = [networks.detect.folder, networks.landmarks.folder, networks.embed.folder]
    found = calibration(measured, asked, chosen.name or chosen.people.resolve().name)
    print(report(measured, found))
    if chosen.write:
        write(asked[-1].path, found)
        print(f"\nwritten to {asked[-1].manifest_path}")


if __name__ == "__main__":
    main()
