"""What may be chosen of style transfer in one pass."""

from pydantic import Field

from service.errors import InvalidOption
from service.imaging.picture import Size
from service.tasks.base import Options
from service.tasks.style.mixture import MixtureField

MIN_SIZE, MAX_SIZE = 32, 8192


class FastOptions(Options):
    """What a caller of /style may choose with method=fast."""

    preset: MixtureField | None = Field(
        None,
        description="A painting that the network knows, or several with weights, 3:0.7,12:0.3; "
        "needed where no style picture is given, and only there.",
    )
    strength: float = Field(
        1.0,
        ge=0,
        le=1,
        description="A style picture: from the content's own style (0) to the other (1). "
        "Presets: how opaque the painting lies on the content.",
    )
    preserve_color: bool = Field(
        False, description="Take light and shade from the painting, colours from the content."
    )
    size: int | None = Field(
        None,
        ge=MIN_SIZE,
        le=MAX_SIZE,
        description="Longer side of the result at most, pixels; default: the content's own.",
    )

    def check(self, *, styled: bool) -> None:
        """Refuse options that contradict what else was sent.

        Args:
            styled: whether a style picture was.

        Raises:
            InvalidOption: there is a preset and a style picture, or neither.
        """
        if styled and self.preset is not None:
            raise InvalidOption("preset", "there is a style picture already")
        if not styled and self.preset is None:
            raise InvalidOption("preset", "needed where no style picture is given")

    def result_size(self, source: Size) -> Size:
        """Return (H, W) of the result for a content of `source`: its shape kept, never enlarged.

        >>> FastOptions(size=512).result_size((3000, 4000)), FastOptions().result_size((30, 40))
        ((384, 512), (30, 40))
        """
        scale = min(1.0, (self.size or max(source)) / max(source))
        height, width = (max(1, round(side * scale)) for side in source)
        return height, width
