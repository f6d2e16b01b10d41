"""The README's tables say what was measured, the losses too."""

import json

import pytest

from bench.readme import BEGIN, END, README, measured, with_measured

MACHINE = {"cpu": "Abacus", "cores": 2, "python": "3.11.7"}


def leave(folder, name, rows, machine=MACHINE):
    document = {"title": f"about {name}", "machine": machine, "rows": rows}
    (folder / f"{name}.json").write_text(json.dumps(document))


def rounds(workload, **rates):
    return [
        {"workload": workload, "contestant": name.replace("_", "-"), "rate": rate, "cpu_ms": 10.0}
        for name, each in rates.items()
        for rate in each
    ]


def test_ratios_are_of_each_round(tmp_path):
    leave(tmp_path, "peers_rounds", rounds("png", ceiling=[100, 50], chiasm=[90, 50]))
    text = measured(tmp_path)
    assert "On 2 cores (Abacus)" in text
    assert "| answers a second | ceiling | chiasm | of the ceiling |" in text
    assert "| classify, 500x375 PNG | 75 | 70 | 0.95 (0.90..1.00) | 1.00 (1.00..1.00) |" in text


def test_a_loss_is_marked_and_named(tmp_path):
    wins = rounds("png", chiasm=[90.0], litserve=[60.0], fastapi=[45.0])
    loses = rounds("classify-small", chiasm=[90.0], litserve=[100.0], fastapi=[80.0])
    leave(tmp_path, "peers_rounds", wins + loses)
    text = measured(tmp_path)
    assert "| 1.50 (1.50..1.50) |" in text
    assert "| **slower** 0.90 (0.90..0.90) |" in text
    assert text.endswith("classify, 500x375 JPEG: litserve is faster.")


def test_workers_are_compared_too_and_lose_nothing_for_the_one_process(tmp_path):
    leave(
        tmp_path, "peers_rounds", rounds("tiny", chiasm=[90], chiasm_workers=[200], litserve=[100])
    )
    text = measured(tmp_path)
    assert "| of the best rival | workers, of the ceiling | workers, of the best rival |" in text
    assert "| **slower** 0.90 (0.90..0.90) |  | 2.00 (2.00..2.00) |" in text
    assert text.endswith("litserve is faster.")


def test_without_a_loss_that_is_said(tmp_path):
    leave(tmp_path, "peers_rounds", rounds("png", chiasm=[90.0], bentoml=[60.0]))
    assert "nothing in this table" in measured(tmp_path)


def test_other_measurements_keep_their_own_tables(tmp_path):
    leave(tmp_path, "latency", [{"workload": "a", "p99 ms": 12.345}])
    assert measured(tmp_path).endswith(
        "about latency.\n\n| workload | p99 ms |\n|---|---|\n| a | 12.3 |"
    )


def test_results_of_different_machines_are_not_mixed(tmp_path):
    leave(tmp_path, "latency", [{"a": 1}])
    leave(tmp_path, "decoding", [{"a": 1}], {**MACHINE, "cores": 96})
    with pytest.raises(ValueError, match="several machines"):
        measured(tmp_path)


def test_no_results_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="make bench"):
        measured(tmp_path)


def test_the_block_goes_between_the_marks():
    text = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert with_measured(text, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter"
    with pytest.raises(ValueError, match="has lost"):
        with_measured("no marks", "new")


def test_the_readme_has_the_marks():
    text = README.read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
