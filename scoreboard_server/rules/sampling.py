"""How much of what happens is told one by one; the rest is counted."""

from __future__ import annotations


class Budget:
    """So many until it is renewed. Who renews it knows the time; here it costs no look at a clock."""

    __slots__ = ("_left", "left_out", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._left = most
        self.left_out = 0

    def take(self) -> bool:
        """Whether there was one left. If not, it is counted."""
        if self._left > 0:
            self._left -= 1
            return True
        self.left_out += 1
        return False

    def renew(self) -> int:
        """All are there again; how many there were beyond them since the last time."""
        left_out, self.left_out, self._left = self.left_out, 0, self.most
        return left_out
