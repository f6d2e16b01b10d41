"""Names of the 1,000 classes of ImageNet-1k (ILSVRC 2012), read from timm's tables.

Source: the wheel of timm 1.0.31 (Apache-2.0), `timm/data/_info`: WordNet ids in class order, and
WordNet's lemmas and definitions of every id.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence

from tools.sources import wheel

VERSION = "1.0.31"
SHA256 = "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7"
INFO = "timm/data/_info"


def read_labels() -> list[str]:
    """Return the lines of a `labels.txt`, `n01440764<TAB>tench`; line number = class id.

    Raises:
        SourceError: the wheel cannot be had as pinned.
    """
    with zipfile.ZipFile(wheel("timm", VERSION, SHA256)) as archive:
        synsets = archive.read(f"{INFO}/imagenet_synsets.txt").decode().split()
        lemmas = _table(archive.read(f"{INFO}/imagenet_synset_to_lemma.txt"))
        definitions = _table(archive.read(f"{INFO}/imagenet_synset_to_definition.txt"))
    labels = distinct_labels(
        [lemmas[synset].split(", ") for synset in synsets],
        [definitions[synset] for synset in synsets],
    )
    return [f"{synset}\t{label}" for synset, label in zip(synsets, labels, strict=True)]


def distinct_labels(lemmas: Sequence[Sequence[str]], definitions: Sequence[str]) -> list[str]:
    """Return a name for each class: its first lemma, explained where classes share that lemma.

    The explanation is the second lemma or, for want of one, the head of the definition, which
    ends at its first preposition, relative pronoun or punctuation mark.

    Args:
        lemmas: each class's words, the usual one first.
        definitions: each class's definition.

    Raises:
        ValueError: two classes still have the same name; the source has changed.

    >>> distinct_labels([["crane"], ["crane"]], ["large bird of marshes", "lifts; has a boom"])
    ['crane (large bird)', 'crane (lifts)']
    """
    shared = Counter(words[0].casefold() for words in lemmas)
    labels = []
    for words, definition in zip(lemmas, definitions, strict=True):
        label = words[0]
        if shared[label.casefold()] > 1:
            head = re.split(r"[;,(]| (?:of|for|that|which|with|in) ", definition)[0]
            label = f"{label} ({words[1] if len(words) > 1 else head})"
        labels.append(label)
    if len({label.casefold() for label in labels}) < len(labels):
        raise ValueError("two classes have the same label")
    return labels


def _table(content: bytes) -> Mapping[str, str]:
    """Return WordNet id → text of lines `id<TAB>text`."""
    return dict(line.split("\t", 1) for line in content.decode().splitlines())
