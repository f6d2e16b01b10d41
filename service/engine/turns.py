"""A queue in which callers take turns."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """Items in order of arrival for each caller, and the callers in turns.

    A caller with a hundred items waiting delays the next one of a caller with none by one item and
    not by a hundred. With a single caller it is a plain queue. Not safe for threads: whoever owns
    it has a lock anyway.

    Source: round robin, as in Nagle, On Packet Switches with Infinite Storage, RFC 970, 1985.

    >>> turns = Turns[str]()
    >>> for caller, item in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")]:
    ...     turns.append(item, caller)
    >>> [turns.popleft() for _ in range(len(turns))]
    ['a1', 'b1', 'a2', 'a3']
    """

    __slots__ = ("_length", "_queues")

    def __init__(self) -> None:
        """Start empty."""
        self._queues: OrderedDict[str, deque[Item]] = OrderedDict()  # whose turn it is comes first
        self._length = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._length

    def __iter__(self) -> Iterator[Item]:
        """Yield every item, caller by caller."""
        for queue in self._queues.values():
            yield from queue

    def append(self, item: Item, caller: str = "") -> None:
        """Let `item` wait behind the others of its caller."""
        queue = self._queues.get(caller)
        if queue is None:
            queue = self._queues[caller] = deque()
        queue.append(item)
        self._length += 1

    def first(self) -> Item:
        """Return the item whose turn it is.

        Raises:
            StopIteration: nothing waits.
        """
        return next(iter(self._queues.values()))[0]

    def popleft(self) -> Item:
        """Take the item whose turn it is; its caller's next one waits for all other callers.

        Raises:
            StopIteration: nothing waits.
        """
        caller, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        self._length -= 1
        if queue:
            self._queues.move_to_end(caller)
        else:
            del self._queues[caller]
        return item
