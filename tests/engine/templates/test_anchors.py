from service.engine.templates import anchors
from service.engine.templates.anchors import AnchorSet

SETS = {name: one for name, one in vars(anchors).items() if isinstance(one, AnchorSet)}


def test_every_set_has_its_number_of_boxes_and_ascending_strides() -> None:
    for name, one in SETS.items():
        boxes = 5 if name.startswith("YOLOV2") else 3
        assert [len(head.boxes) for head in one.heads] == [boxes] * len(one.heads), name
        assert list(one.strides) == sorted(one.strides), name


def test_larger_strides_have_larger_boxes() -> None:
    for name, one in SETS.items():
        areas = [sum(w * h for w, h in head.boxes) for head in one.heads]
        assert areas == sorted(areas), name


def test_only_yolov4_stretches_its_centres() -> None:
    stretched = {
        name: tuple(head.scale_x_y for head in one.heads)
        for name, one in SETS.items()
        if any(head.scale_x_y != 1 for head in one.heads)
    }

    assert stretched == {"YOLOV4": (1.2, 1.1, 1.05), "YOLOV4_TINY": (1.05, 1.05)}
