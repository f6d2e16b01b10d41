"""One deadline a request, asked at every stage."""

import math
import time
from dataclasses import dataclass

from service.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock after which nobody waits for the answer any more."""

    at: float

    @classmethod
    def after(cls, milliseconds: float) -> "Deadline":
        """Return the deadline `milliseconds` from now."""
        return cls(time.monotonic() + milliseconds / 1000)

    @classmethod
    def never(cls) -> "Deadline":
        """Return a deadline for work that somebody waits for however long it takes."""
        return cls(math.inf)

    def remaining_s(self) -> float:
        """Return the seconds left; negative when it has passed."""
        return self.at - time.monotonic()

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            DeadlineExceeded: it has passed.
        """
        if self.remaining_s() <= 0:
            raise DeadlineExceeded("the deadline passed before the answer was ready")
