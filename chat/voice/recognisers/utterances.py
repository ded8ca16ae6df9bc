"""When an utterance has ended, while somebody still speaks.

Whisper is surer of much than of little, so an utterance ends at a pause that is the longer, the less was said. After
`LONGEST_SECONDS` it ends in the longest pause there was, for whoever stops speaking waits for the last one.
"""

from collections.abc import Sequence
from itertools import pairwise

from chat.voice.recognisers.pieces import KEPT_SECONDS, RATE, Samples, cut_in_pause

SHORT_PAUSE = 0.8  # seconds; enough behind `LONG_SPEECH`
LONG_PAUSE = 2.0  # seconds; enough behind any speech
LONG_SPEECH = 6.0  # seconds
LONGEST_SECONDS = 15
_KEPT = int(KEPT_SECONDS * RATE)


def end(buffer: Samples, speech: Sequence[tuple[int, int]]) -> int | None:
    """Returns where the first utterance of a buffer has ended, or what is silent before it; None if it goes on.

    Args:
        buffer: what was not settled yet.
        speech: where somebody speaks in the first `LONGEST_SECONDS` of it, as (begin, end), all in samples.
    """
    longest = LONGEST_SECONDS * RATE
    if not speech:
        return min(len(buffer), longest) - _KEPT if len(buffer) > 2 * _KEPT else None
    pause = min(len(buffer), longest) - speech[-1][1]
    said = speech[-1][1] - speech[0][0]
    if pause >= LONG_PAUSE * RATE or (pause >= SHORT_PAUSE * RATE and said >= LONG_SPEECH * RATE):
        return speech[-1][1] + _KEPT
    for (_, ends), (begins, _) in pairwise(speech):
        if begins - ends >= LONG_PAUSE * RATE:  # several came at once
            return ends + _KEPT
    return cut_in_pause(buffer[:longest], list(speech)) if len(buffer) >= longest else None
