"""Kinds of padding; what SAME and VALID mean is tested with the convolutions."""

import pytest

from tools.tfjs.errors import ConversionError
from tools.tfjs.windows import windows


def test_only_same_and_valid_padding_are_known() -> None:
    with pytest.raises(ConversionError, match="padding FULL is not supported"):
        windows((4, 4), kernel=(3, 3), strides=(1, 1), padding="FULL")
