import tomllib
from typing import get_args

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from service.tasks.decoders import DECODERS, AnyDecoder, decode


class Holder(BaseModel):
    head: AnyDecoder


MANIFEST = """
[head]
decoder = "yolov3"
num_classes = 80
[[head.heads]]
output = "large"
anchors = [[116, 90], [156, 198], [373, 326]]
[[head.heads]]
output = "small"
anchors = [[10, 13], [16, 30], [33, 23]]
scale_x_y = 1.2
"""


@pytest.mark.parametrize("name", DECODERS)
def test_each_row_is_chosen_by_its_own_name(name):
    assert get_args(DECODERS[name].config.model_fields["decoder"].annotation) == (name,)


def test_the_name_in_a_manifest_chooses_the_decoder():
    head = Holder.model_validate(tomllib.loads(MANIFEST)).head
    assert type(head) is DECODERS["yolov3"].config
    assert [part.scale_x_y for part in head.heads] == [1.0, 1.2]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"decoder": "yolov99"}, "yolov99"),
        ({"decoder": "yolov8", "output": "a", "num_classes": 1, "stride": 8}, "stride"),
        ({"decoder": "yolov8", "output": "a", "num_classes": 0}, "num_classes"),
        ({"decoder": "yolov2", "output": "a", "num_classes": 1, "anchors": []}, "anchors"),
        ({"decoder": "yolov2", "output": "a", "num_classes": 1, "anchors": [[0, 1]]}, "anchors"),
    ],
)
def test_wrong_keys_are_named(keys, wrong):
    with pytest.raises(ValidationError, match=wrong):
        Holder.model_validate({"head": keys})


def test_decode_calls_the_decoder_of_the_configuration():
    config = DECODERS["yolo_end2end"].config(decoder="yolo_end2end", output="a", num_classes=2)
    rows = np.array([[1, 2, 3, 4, 0.9, 1], [0, 0, 0, 0, 0, 0]], np.float32)
    found = decode({"a": rows}, config, input_size=(8, 8), score_threshold=0.5)
    assert found.boxes.tolist() == [[1, 2, 3, 4]]
    assert found.class_ids.tolist() == [1]
