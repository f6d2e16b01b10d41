"""What came back, and how it is read."""

import numpy as np
import pytest

from bench.load import RAMP_S, Load, read_h2load

H2LOAD = """1700000000000000 200 20000
1700000000900000 200 110000
1700000001100000 503 1000
1700000001460000 200 40000
1700000001470000 -1 0
1700000001480000 200 40000
"""


def test_h2load_says_how_long_each_request_took():
    load = read_h2load(H2LOAD, seconds=0.5, generator_cpu_s=0.1)
    assert load.by_status == {200: 4, 503: 1}
    assert (load.failed, load.errors) == (2, 1)
    assert (load.duration_s, load.generator_cpu_s) == (RAMP_S + 0.5, 0.1)


def test_answers_make_a_rate_once_the_load_is_up():
    load = read_h2load(H2LOAD, seconds=0.5, generator_cpu_s=0.0)
    # Of four, the first was there before, and the last after the time.
    assert load.goodput == pytest.approx(2 / 0.5)


def test_percentiles_are_of_good_answers_only():
    load = read_h2load(H2LOAD, seconds=0.5, generator_cpu_s=0.0)
    assert load.percentile_ms(0) == pytest.approx(20)
    assert load.percentile_ms(50) == pytest.approx(40)
    assert load.percentile_ms(100) == pytest.approx(110)


def test_no_answer_at_all_is_said():
    for log in ("", "1700000000000000 -1 0\n"):
        with pytest.raises(ValueError, match="no answer"):
            read_h2load(log, seconds=1.0, generator_cpu_s=0.0)


def test_without_a_good_answer_there_is_no_percentile():
    load = Load(
        statuses=np.array([503]),
        seconds=np.array([0.1]),
        errors=2,
        duration_s=1.0,
        generator_cpu_s=0.0,
        goodput=0.0,
    )
    assert np.isnan(load.percentile_ms(50))
    assert load.failed == 3
