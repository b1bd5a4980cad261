"""What each encoding of a search was made for.

Some would have been needed by anybody who knew the answer beforehand: the
answer itself, and the file that proves it (of a budget the next quality, which
is over; of a DSSIM between two qualities the other of the two). Whatever came
before all of those were in hand was a guess that went astray; whatever came
after ruled out that the curve turns back.
"""

from __future__ import annotations

from enum import Enum

from autoquality_core.types import Outcome
from bench.worst.facts import Search


class Cause(Enum):
    """Why an encoding was made; the values stand in tables."""

    ANSWER = "the answer"
    PROOF = "its proof"
    FIRST = "a first guess astray"
    LATER = "later guesses astray"
    TURNS = "the curve may turn back"


def causes(search: Search) -> list[Cause]:
    """One cause for each try, in their order."""
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
            found.append(Cause.TURNS)
        else:
            found.append(Cause.LATER if at else Cause.FIRST)
    return found


def proof_of(search: Search) -> int | None:
    """Which try proves the answer; None where the answer needs no proof, or none was made."""
    if search.by_size:
        met = search.outcome == Outcome.TARGET_MET.value
        return search.find(search.next_to_answer(1)) if met else None
    if search.outcome != Outcome.NEAREST_QUALITY.value:
        return None
    answer = search.find(search.answer)
    assert answer is not None, "the answer is one of the tries"
    poor = search.reached(search.tries[answer]) > search.target
    proof = search.find(search.next_to_answer(1 if poor else -1))
    if proof is None or (search.reached(search.tries[proof]) > search.target) == poor:
        return None  # the curve turns back there: no pair of neighbours proves anything
    return proof
