import json
import sys

import numpy as np
import pytest

from tools.anchors import box_sizes, cluster, iou_of_sizes, main, mean_best_iou, report

CENTRES = np.array([[10, 20], [60, 30], [50, 150], [300, 280]], np.float32)


def around(centres, count, spread=0.05):
    rng = np.random.default_rng(0)
    factors = np.exp(rng.normal(0, spread, (count, len(centres), 2)))
    return (centres * factors).astype(np.float32).reshape(-1, 2)


@pytest.mark.parametrize(
    ("size", "anchor", "expected"),
    [
        ((4, 4), (4, 4), 1),  # the same
        ((4, 4), (2, 2), 0.25),  # one inside the other
        ((1, 4), (4, 1), 1 / 7),  # crossed
    ],
)
def test_iou_of_sizes(size, anchor, expected):
    overlap = iou_of_sizes(np.array([size], np.float32), np.array([anchor], np.float32))
    assert overlap == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_known_clusters_are_found(seed):
    sizes = around(CENTRES, 200)
    anchors = cluster(sizes, 4, np.random.default_rng(seed))
    assert anchors == pytest.approx(CENTRES, rel=0.02)
    assert mean_best_iou(sizes, anchors) > 0.9


def test_more_anchors_fit_better():
    sizes = around(CENTRES, 100, spread=0.3)
    fits = [
        mean_best_iou(sizes, cluster(sizes, count, np.random.default_rng(0)))
        for count in range(1, 8)
    ]
    assert fits == sorted(fits)
    assert fits[3] - fits[0] > 0.2


def test_as_many_anchors_as_sizes_fit_exactly():
    sizes = np.repeat(CENTRES, 3, axis=0)
    anchors = cluster(sizes, 4, np.random.default_rng(0))
    assert mean_best_iou(sizes, anchors) == pytest.approx(1)
    with pytest.raises(ValueError, match="5 anchors"):
        cluster(sizes, 5, np.random.default_rng(0))


COCO = {
    "images": [
        {"id": 1, "width": 832, "height": 416},
        {"id": 2, "width": 100, "height": 208},
    ],
    "annotations": [
        {"image_id": 1, "bbox": [5, 5, 100, 50]},  # halved
        {"image_id": 2, "bbox": [5, 5, 10, 50], "iscrowd": 0},  # doubled
        {"image_id": 2, "bbox": [5, 5, 90, 90], "iscrowd": 1},  # a crowd is no size of anything
        {"image_id": 2, "bbox": [5, 5, 0, 50]},  # empty
    ],
}


def test_box_sizes_are_those_in_the_network_input():
    assert box_sizes(COCO, (416, 416)).tolist() == [[50, 25], [20, 100]]
    assert box_sizes({"images": [], "annotations": []}, (416, 416)).shape == (0, 2)


def test_report_has_a_line_for_each_number():
    lines = report(around(CENTRES, 50), range(2, 5), seed=0).splitlines()
    assert lines[0] == "200 boxes"
    assert [line.split()[0] for line in lines[2:]] == ["2", "3", "4"]


def test_command_line(tmp_path, monkeypatch, capsys):
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(COCO))
    monkeypatch.setattr(sys, "argv", ["anchors", str(file), "--size", "416", "416", "--most", "2"])
    main()
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["2", "1.000"]
