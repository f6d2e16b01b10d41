"""What the table of the comparison says."""

from bench.peers import Run, row


def run(rate, corrected=None, cpu_ms=10.0):
    return Run(rate=rate, corrected=corrected or rate, cpu_ms=cpu_ms, failed=1)


RUNS = {
    ("png", "ceiling"): [run(100.0, cpu_ms=8.0), run(100.0, cpu_ms=10.0)],
    ("png", "chiasm"): [run(90.0, 95.0), run(94.0, 99.0)],
    ("png", "fastapi"): [run(100.0), run(91.0)],
    ("png", "bentoml"): [run(45.0), run(47.0)],
}


def test_ratios_to_the_ceiling_raw_corrected_and_in_cpu_time():
    line = row("png", "ceiling", RUNS)
    assert line["Chiasm is, times as fast"] == "0.92 (0.90..0.94)"
    assert line["corrected"] == "0.97"
    assert line["CPU, of its"] == "1.12 (1.00..1.25)"


def test_a_row_in_which_chiasm_is_slower_says_so():
    assert row("png", "fastapi", RUNS)["Chiasm is, times as fast"].endswith("**slower**")
    assert row("png", "bentoml", RUNS)["Chiasm is, times as fast"] == "2.00 (2.00..2.00)"


def test_chiasm_is_not_held_against_itself():
    line = row("png", "chiasm", RUNS)
    assert (line["answers/s"], line["Chiasm is, times as fast"], line["failed"]) == (92.0, "", 2)
    assert list(line) == list(row("png", "ceiling", RUNS))
