"""Three networks in a row: what is found, and which of it is meant."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.engine.faces import FaceRequest, Pick
from service.errors import MultipleFaces, NoFace
from service.imaging.picture import Picture
from service.tasks.faces.detect import FaceDetectOptions
from service.tasks.faces.embed import Accuracy
from service.tasks.faces.quality import Flaw
from tests.engine.faces.networks import DETECT, EMBED, LANDMARKS, squares
from tests.engine.faces.services import Service
from tests.engine.fakes import PATIENCE_S

# What is found


def test_faces_are_found_measured_and_encoded(service: Service) -> None:
    found = service.answer(squares(1, size=(64, 64)))
    assert (found.size, found.truncated) == ((64, 64), False)
    [face] = found.faces
    assert face.box.tolist() == [36, 4, 60, 28]
    assert face.share == pytest.approx(24 * 24 / 64**2)
    assert face.landmarks is not None
    assert face.landmarks.mean(axis=0) == pytest.approx([48, 16], abs=2)
    assert list(face.keypoints) == ["right_eye", "left_eye", "nose", "mouth_right", "mouth_left"]
    assert face.points is face.landmarks
    assert face.encoded() == pytest.approx([1, 0], abs=0.05)
    assert face.quality is not None
    assert face.quality.side == pytest.approx(24, rel=0.05)
    assert face.flaws == ()


def test_several_faces_are_rows_of_one_batch(service: Service) -> None:
    found = service.answer(squares(0, 1, 3))
    assert len(found.faces) == 3
    assert service.sessions.runs() == {DETECT: [1], LANDMARKS: [3], EMBED: [3]}
    centres = {tuple(((face.box[:2] + face.box[2:]) / 2).tolist()) for face in found.faces}
    assert centres == {(16, 16), (48, 16), (48, 48)}


def test_each_network_is_asked_only_if_needed(service: Service) -> None:
    [plain] = service.answer(squares(0), FaceRequest(landmarks=False)).faces
    assert service.sessions.runs() == {DETECT: [1], LANDMARKS: [], EMBED: []}
    assert (plain.landmarks, plain.encoding, plain.quality) == (None, None, None)
    assert plain.points.shape == (2, 2)  # the detector's own
    [marked] = service.answer(squares(0), FaceRequest()).faces
    assert marked.landmarks is not None
    assert service.sessions.runs() == {DETECT: [1, 1], LANDMARKS: [1], EMBED: []}
    with pytest.raises(ValueError, match="no encoding"):
        marked.encoded()


def test_without_faces_nothing_more_is_asked(service: Service) -> None:
    found = service.answer(squares())
    assert found.faces == ()
    assert service.sessions.runs() == {DETECT: [1], LANDMARKS: [], EMBED: []}


def test_high_accuracy_adds_the_mirror_image(service: Service) -> None:
    service.answer(squares(0, 1), FaceRequest(embed=True, accuracy=Accuracy.HIGH))
    assert service.sessions.runs()[EMBED] == [4]


def test_the_detectors_options_reach_it(service: Service) -> None:
    request = FaceRequest(detect=FaceDetectOptions(max_faces=1))
    found = service.answer(squares(0, 1), request)
    assert (len(found.faces), found.truncated) == (1, True)


def test_a_face_too_small_is_said_to_be(service: Service) -> None:
    [face] = service.answer(squares(2, size=(16, 16))).faces
    assert face.flaws == (Flaw.TOO_SMALL,)


def test_where_the_time_went_is_said_by_network(service: Service) -> None:
    found = service.answer(squares(0))
    assert list(found.stages) == ["face-detect", "face-landmarks", "face-embed"]
    for stage in ("decode", "preprocess", "queue", "infer", "postprocess"):
        parts = [timings[stage] for timings in found.stages.values()]
        assert found.timings[stage] == pytest.approx(sum(parts))


# Which faces are meant


@pytest.mark.parametrize("pick", [Pick.ONLY, Pick.LARGEST])
def test_no_face_where_one_is_meant(service: Service, pick: Pick) -> None:
    with pytest.raises(NoFace, match="image2") as caught:
        service.answer(squares(), FaceRequest(pick=pick, part="image2"))
    assert caught.value.members == {"picture": "image2"}


def test_several_faces_where_one_is_meant(service: Service) -> None:
    with pytest.raises(MultipleFaces, match="2 faces") as caught:
        service.answer(squares(0, 3), FaceRequest(embed=True, pick=Pick.ONLY))
    faces = caught.value.members["faces"]
    assert [face["box"]["x1"] for face in faces] == [4, 36]  # type: ignore[attr-defined]
    assert service.sessions.runs()[LANDMARKS] == []
    assert service.in_flight() == [0, 0, 0]


def test_the_largest_is_the_largest_and_not_the_likeliest(service: Service) -> None:
    bright = np.zeros((64, 96, 3), np.uint8)
    bright[:32, :48] = 255  # 36 x 24 after the stretch, as its twin, but clipped by nothing
    bright[32:, 48:] = 128
    picture = Picture.from_pixels(bright)
    [face] = service.answer(picture, FaceRequest(pick=Pick.LARGEST)).faces
    assert face.box[0] < 48  # of two as large the likelier one
    assert len(service.answer(picture).faces) == 2


# Requests that share batches


def test_requests_do_not_influence_each_other(service: Service) -> None:
    pictures = [squares(index % 4, grey=80 + 10 * index) for index in range(12)]
    together = [service.submit(picture) for picture in pictures]
    for picture, future in zip(pictures, together, strict=True):
        [shared], [alone] = future.result(PATIENCE_S).faces, service.answer(picture).faces
        for name in ("box", "landmarks", "encoding"):
            assert (getattr(shared, name) == getattr(alone, name)).all(), name


def test_faces_of_several_requests_share_a_batch(held: Callable[..., Any]) -> None:
    service, gate = held(LANDMARKS)
    first = service.submit(squares(0))
    gate.open()
    futures = [service.submit(squares(0, 1)) for _ in range(3)]
    assert [len(future.result(PATIENCE_S).faces) for future in [first, *futures]] == [1, 2, 2, 2]
    assert sum(service.sessions.runs()[LANDMARKS]) == 7
