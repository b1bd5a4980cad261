"""The purpose of each encoding of a search.

Even a search with a perfect guess needs two encodings: the answer, and the file that proves it.
For a budget, the proof is the next quality, which is over it. For a score between two qualities, it
is the second one. Earlier encodings were wrong guesses. Later ones check that the curve is
monotonic.
"""

from __future__ import annotations

from enum import Enum

from autoquality_core.types import Outcome
from bench.worst.facts import Search


class Cause(Enum):
    """The purpose of an encoding; records hold the values."""

    ANSWER = "the answer"
    PROOF = "its proof"
    FIRST = "a first guess astray"
    LATER = "later guesses astray"
    FALLS = "the curve may turn back"

    @property
    def title(self) -> str:
        """The heading of its column."""
        return _TITLES[self]


_TITLES = {
    Cause.ANSWER: "the answer",
    Cause.PROOF: "its proof",
    Cause.FIRST: "wrong first guess",
    Cause.LATER: "later wrong guesses",
    Cause.FALLS: "monotonicity checks",
}


def causes(search: Search) -> list[Cause]:
    """One cause for each try, in order."""
    answer, proof = search.find(search.answer), proof_of(search)
    needed = {at for at in (answer, proof) if at is not None}
    done = max(needed, default=0)
    found = []
    for at in range(len(search.tries)):
        if at == answer:
            found.append(Cause.ANSWER)
        elif at == proof:
            found.append(Cause.PROOF)
        elif at > done:
            found.append(Cause.FALLS)
        else:
            found.append(Cause.LATER if at else Cause.FIRST)
    return found


def proof_of(search: Search) -> int | None:
    """The index of the try that proves the answer; None if it needs no proof or has none."""
    if search.by_size:
        met = search.outcome == Outcome.TARGET_MET.value
        return search.find(search.next_to_answer(1)) if met else None
    if search.outcome != Outcome.NEAREST_QUALITY.value:
        return None
    answer = search.find(search.answer)
    assert answer is not None, "the answer is one of the tries"
    target = search.amount(search.target)
    amounts = [search.amount(search.reached(one)) for one in search.tries]
    poor = amounts[answer] > target
    proof = search.find(search.next_to_answer(1 if poor else -1))
    if proof is None or (amounts[proof] > target) == poor:
        return None  # the curve is not monotonic there, so no pair of neighbours is a proof
    return proof
