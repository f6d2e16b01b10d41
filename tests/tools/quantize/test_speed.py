"""The arithmetic of turns, and what a process says of itself; no time is asserted."""

from pathlib import Path

import pytest

from tools.graph import MODELS
from tools.quantize.speed import Turns, cpu_flags, resident_mb, take_turns


def test_ratios_are_of_the_same_round() -> None:
    turns = Turns((10.0, 30.0, 10.0), (5.0, 10.0, 10.0))

    assert turns.ratios == [1.0, 2.0, 3.0]
    assert turns.ratio == 2.0


def test_calls_take_turns() -> None:
    calls: list[str] = []

    turns = take_turns(lambda: calls.append("a"), lambda: calls.append("b"), rounds=2, runs=2)

    assert "".join(calls) == "ababab" + "aabb" * 2
    assert len(turns.first_ms) == len(turns.second_ms) == 2


def test_a_network_takes_memory() -> None:
    assert 0 < resident_mb(MODELS / "lenet5-digits" / "model.onnx") < 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flags\t\t: fpu avx2\n", {"AVX2": True, "VNNI": False}),
        ("flags\t\t: fpu avx2 avx_vnni\n", {"AVX2": True, "VNNI": True}),
        ("Features\t: asimd\n", {}),  # another kind of CPU
    ],
)
def test_flags(tmp_path: Path, text: str, expected: dict[str, bool]) -> None:
    (tmp_path / "cpuinfo").write_text(text, "utf-8")

    assert cpu_flags(tmp_path / "cpuinfo") == expected
    assert cpu_flags(tmp_path / "missing") == {}
