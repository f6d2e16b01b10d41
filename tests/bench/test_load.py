"""What came back, and how it is read."""

import numpy as np
import pytest

from bench.load import Load, read_hey

HEY = """response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0200,0.0016,0.0000,0.0000,0.0048,0.0002,200,0.0002
0.0100,0.0002,0.0000,0.0001,0.0048,0.0001,200,0.4950
0.0010,0.0001,0.0000,0.0000,0.0006,0.0001,503,0.1000
0.0400,0.0001,0.0000,0.0000,0.0129,0.0001,200,0.4600
"""


def test_hey_says_when_a_request_left_and_how_long_it_took():
    load = read_hey(HEY, generator_cpu_s=0.1)
    assert load.by_status == {200: 3, 503: 1}
    assert load.duration_s == pytest.approx(0.505)  # the last answer, not the last request
    assert load.goodput == pytest.approx(3 / 0.505)
    assert load.failed == 1
    assert load.generator_cpu_s == 0.1


def test_percentiles_are_of_good_answers_only():
    load = read_hey(HEY, generator_cpu_s=0.0)
    assert load.percentile_ms(0) == pytest.approx(10)
    assert load.percentile_ms(50) == pytest.approx(20)
    assert load.percentile_ms(100) == pytest.approx(40)


def test_no_answer_at_all_is_said():
    with pytest.raises(ValueError, match="no answer"):
        read_hey(HEY.splitlines()[0], generator_cpu_s=0.0)


def test_without_a_good_answer_there_is_no_percentile():
    load = Load(np.array([503]), np.array([0.1]), errors=2, duration_s=1.0, generator_cpu_s=0.0)
    assert np.isnan(load.percentile_ms(50))
    assert (load.goodput, load.failed) == (0, 3)
