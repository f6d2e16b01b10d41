"""Names of classes: the usual word, and something more where two classes share it."""

from collections.abc import Sequence

import pytest

from tools.graph import MODELS
from tools.imagenet import distinct_labels

Classes = Sequence[tuple[Sequence[str], str]]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ([], []),
        # its first lemma is enough for a class that shares it with no other
        ([(["tench", "Tinca tinca"], "fish")], ["tench"]),
        # the second lemma explains; without one, the head of the definition does
        (
            [(["maillot"], "tights for dancers"), (["maillot", "tank suit"], "bathing suit")],
            ["maillot (tights)", "maillot (tank suit)"],
        ),
        # capitals do not tell classes apart
        (
            [(["Cardigan", "Welsh corgi"], "dog"), (["cardigan"], "jacket that is knitted")],
            ["Cardigan (Welsh corgi)", "cardigan (jacket)"],
        ),
        # a definition ends at its first punctuation mark; three may share a lemma
        (
            [(["crane"], "bird, large"), (["crane"], "lifts; turns"), (["crane"], "stretch")],
            ["crane (bird)", "crane (lifts)", "crane (stretch)"],
        ),
    ],
)
def test_labels_are_distinct(classes: Classes, labels: list[str]) -> None:
    lemmas, definitions = [words for words, _ in classes], [text for _, text in classes]

    assert distinct_labels(lemmas, definitions) == labels


def test_classes_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="same label"):
        distinct_labels([["crane"], ["crane"]], ["bird of marshes", "bird of rivers"])


def test_the_shipped_labels_are_in_class_order() -> None:
    lines = (MODELS / "efficientnet-lite0" / "labels.txt").read_text("utf-8").splitlines()

    ids, names = zip(*(line.split("\t") for line in lines), strict=True)
    assert list(ids) == sorted(ids)  # ILSVRC numbers its classes by WordNet id
    assert len({name.casefold() for name in names}) == len(names) == 1000
    assert (lines[0], names[281], names[999]) == ("n01440764\ttench", "tabby", "toilet tissue")
