"""For tests of what depends on time: clocks and timers that move only when told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..core.timers import Timer


@dataclass(eq=False)
class ManualTimer:
    due: float
    callback: Callable[[], None]
    pending: list["ManualTimer"]

    def cancel(self) -> None:
        if self in self.pending:
            self.pending.remove(self)


@dataclass
class ManualTime:
    """Give `call_later`, `now` and `monotonic` to what is tested, then `advance`."""

    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    elapsed: float = 0.0
    pending: list[ManualTimer] = field(default_factory=list[ManualTimer])

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = ManualTimer(self.elapsed + seconds, callback, self.pending)
        self.pending.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Run what falls due on the way, in order, each at its own moment."""
        until = self.elapsed + seconds
        while due := [timer for timer in self.pending if timer.due <= until]:
            timer = min(due, key=lambda timer: timer.due)
            self.pending.remove(timer)
            self.elapsed = timer.due
            timer.callback()
        self.elapsed = until
