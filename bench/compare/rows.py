"""What came out, one row an entrant and a task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One result; times in seconds of processor, sizes in bytes.

    `dssim` was measured anew over every window. `at_equal_dssim` is the size
    over what our encoder needs for that DSSIM. `none` and `floor` are what
    method none and the floor took for the quality that was found, for ours
    alone; `none_wall` is the former on the wall.
    """

    image: str
    megapixels: float
    setting: str
    span: str
    method: str
    target: float
    error: float
    entrant: str
    size: int
    dssim: float
    cpu: float
    wall: float
    encodings: int | None = None
    quality: int | None = None
    met: bool | None = None
    at_equal_dssim: float | None = None
    none: float | None = None
    none_wall: float | None = None
    floor: float | None = None

    @property
    def budget_used(self) -> float:
        """The part of the budget that the file takes, for goals in bytes."""
        return self.size / self.target

    @property
    def task(self) -> tuple[str, str, str, str, float]:
        """What was asked; rows of different entrants may share it."""
        return self.image, self.setting, self.span, self.method, self.target
