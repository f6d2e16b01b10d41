from typing import Any

import pytest

from service.engine.graph import Layer, Port, Summary, summarize, table
from tests.engine.graph.graphs import LIGHT

ALEXNET = """\
input data_0  float32  1x3x224x224
output prob_1  float32  1x1000

layer  type            filter  stride  padding  output     parameters  multiply-adds
------------------------------------------------------------------------------------
n0     Conv            11x11   4       0        54x54x96       34,944    101,616,768
n1     Relu                                     54x54x96            0              0
n2     LRN                                      54x54x96            0              0
n3     MaxPool         3x3     2       0        26x26x96            0              0
n4     GroupedConv     5x5     1       2        26x26x256     307,456    207,667,200
n5     Relu                                     26x26x256           0              0
n6     LRN                                      26x26x256           0              0
n7     MaxPool         3x3     2       0        12x12x256           0              0
n8     Conv            3x3     1       1        12x12x384     885,120    127,401,984
n9     Relu                                     12x12x384           0              0
n10    GroupedConv     3x3     1       1        12x12x384     663,936     95,551,488
n11    Relu                                     12x12x384           0              0
n12    GroupedConv     3x3     1       1        12x12x256     442,624     63,700,992
n13    Relu                                     12x12x256           0              0
n14    MaxPool         3x3     2       0,0,1,1  6x6x256             0              0
n16    FullyConnected                           4096       37,752,832     37,748,736
n17    Relu                                     4096                0              0
n19    FullyConnected                           4096       16,781,312     16,777,216
n20    Relu                                     4096                0              0
n22    FullyConnected                           1000        4,097,000      4,096,000
n23    Softmax                                  1000                0              0
------------------------------------------------------------------------------------
total                                                      60,965,224    654,560,384"""


def layer(**facts: Any) -> Layer:
    known: dict[str, Any] = {
        "name": "layer",
        "type": "Conv",
        "filter": (3, 3),
        "stride": (1, 1),
        "padding": (1, 1, 1, 1),
        "dilation": (1, 1),
        "output": (8, 8, 4),
        "parameters": 0,
        "statistics": 0,
        "multiply_adds": 0,
    }
    return Layer(**(known | facts))


def summary(*layers: Layer, **facts: Any) -> Summary:
    known: dict[str, Any] = {
        "parameters": 0,
        "statistics": 0,
        "multiply_adds": 0,
        "inputs": (),
        "outputs": (),
    }
    return Summary(layers=layers, **(known | facts))


def cells(one: Layer) -> list[str]:
    """Return the one row of the table that is a layer's."""
    return table(summary(one)).splitlines()[3].split()


def test_alexnet() -> None:
    assert table(summarize(LIGHT / "light_bvlc_alexnet.onnx")) == ALEXNET


@pytest.mark.parametrize(
    ("facts", "column", "expected"),
    [
        ({"filter": (5, 3)}, 2, "5x3"),
        ({"filter": (3,)}, 2, "3"),  # of one axis
        ({"stride": (2, 2)}, 3, "2"),
        ({"stride": (2, 1)}, 3, "2x1"),
        ({"padding": (2, 2, 2, 2)}, 4, "2"),
        ({"padding": (2, 1, 2, 1)}, 4, "2x1"),  # opposite sides alike
        ({"padding": (0, 0, 1, 1)}, 4, "0,0,1,1"),
        ({"padding": (1, 1)}, 4, "1"),
        ({"padding": (0, 1)}, 4, "0,1"),
        ({"padding": (None, 1, None, 1)}, 4, "?"),
        ({"output": (None, None, 4)}, 5, "?x?x4"),
        ({"output": (1000,)}, 5, "1000"),
        ({"output": None}, 5, "?"),
        ({"parameters": None}, 6, "?"),
        ({"parameters": 1234567}, 6, "1,234,567"),
        ({"multiply_adds": None}, 7, "?"),
    ],
)
def test_cells(facts: dict[str, Any], column: int, expected: str) -> None:
    assert cells(layer(**facts))[column] == expected


@pytest.mark.parametrize(("dilation", "mark"), [((2, 2), "d2"), ((1, 2), "d1x2")])
def test_a_filter_with_gaps_says_so(dilation: tuple[int, int], mark: str) -> None:
    assert cells(layer(dilation=dilation))[2:4] == ["3x3", mark]


def test_a_layer_without_a_filter() -> None:
    one = layer(type="Relu", filter=None, stride=None, padding=None, dilation=None)

    assert cells(one) == ["layer", "Relu", "8x8x4", "0", "0"]


def test_running_statistics_are_told_apart() -> None:
    assert table(summary(statistics=53120)).endswith("\nand 53,120 running means and variances")
    assert table(summary(statistics=None)).endswith("\nand ? running means and variances")
    assert "running" not in table(summary())


def test_an_unknown_shape_of_the_graph() -> None:
    ports = (Port(name="image", shape=(1, None, 3), dtype="uint8"),)
    text = table(summary(inputs=ports, outputs=(Port(name="y", shape=None, dtype="unknown"),)))

    assert text.splitlines()[:2] == ["input image  uint8  1x?x3", "output y  unknown  ?"]


def test_long_names_give_way_and_numbers_do_not() -> None:
    # The widest that a network of today has, in every column at once.
    wide = layer(
        name="/backbone/stages.3/blocks.17/attention/query/MatMul",
        type="com.microsoft.MatMulNBits",
        filter=(11, 11),
        dilation=(2, 2),
        stride=(16, 16),
        padding=(10, 10, 11, 11),
        output=(1024, 1024, 1024),
        parameters=123_456_789_012,
        multiply_adds=12_345_678_901_234,
    )
    port = Port(name="very" * 40, shape=(1,), dtype="uint8")

    text = table(summary(wide, inputs=(port,), parameters=123_456_789_012))

    assert max(map(len, text.splitlines())) <= 100
    for whole in ("11x11 d2", "10,10,11,11", "1024x1024x1024", "123,456,789,012"):
        assert whole in text
    assert "12,345,678,901,234" in text
    assert text.splitlines()[4].startswith("…tMul  …MulNBits  11x11")


def test_a_name_is_cut_no_more_than_it_must() -> None:
    text = table(summary(layer(name="/backbone/" + "x" * 90 + "/Conv")))

    row = text.splitlines()[3]
    assert row.startswith("…xx")
    assert "x/Conv  Conv  3x3" in row
    assert len(row) == 100
