"""Words while you speak: from the end of speech, however long, to the receiver's frame with all of it."""

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import voice
from bench.compare import FRACTION
from bench.load import Outcome
from bench.messaging import Talk
from bench.people import pairs, sign_up
from bench.rest import Rest
from bench.rows import PAIRS, Row, milliseconds, progress
from bench.servers import Meter, servers
from bench.speaking import PIECE_SECONDS, Said, Speaker, spoken_pieces
from tests.stack import Stack

LENGTHS = {5: 5, 60: 3, 600: 1}  # seconds of speech, and how often
PARTS = ("deepgram", "together", "whisper")  # `python -m bench live --live whisper 5 60` measures only these
TOGETHER = 10  # people at once
SLOWER = 1.25  # for each length, and beside others, compared with the fastest or with one alone
NOISE_SECONDS = 0.1  # by which two runs of the same may differ with the stand-in
GUESS_SECONDS = 0.5  # the same with Whisper, which may be in the middle of a guess when the speech ends
TURNS = 4  # of text alone, and of text beside those who speak
HURRY = 8.0  # times faster, with --quick, for all but the end of the longest speech
SLOW_END = 35  # pieces of it in real time
WORDS_A_SECOND = 1.4  # that must be there at the least; of this speech there are 2


def live(scale: float, only: Sequence[str] = ()) -> list[Row]:
    """Words while one speaks: for 5, 60 and 600 seconds, ten people at once, and text beside them.

    `only` names some of the parts or of the lengths.
    """
    rows: list[Row] = []
    parts = [part for part in PARTS if part in only] or PARTS
    lengths = [seconds for seconds in LENGTHS if str(seconds) in only] or list(LENGTHS)
    if "deepgram" in parts or "together" in parts:
        with (
            tempfile.TemporaryDirectory() as folder,
            voice.stand_in(Path(folder)) as settings,
            servers(settings) as stack,
        ):
            if "deepgram" in parts:
                rows += asyncio.run(_lengths(stack, scale, lengths, "Deepgram's stand-in", 1.0, 1.5))
            if "together" in parts:
                rows += asyncio.run(_together(stack, scale))
    if "whisper" in parts:
        with servers() as stack:
            rows += asyncio.run(_lengths(stack, scale, lengths, "Whisper base", 3.0, 3.0))
    return rows


async def _lengths(
    stack: Stack, scale: float, lengths: Sequence[int], name: str, limit: float, first_limit: float
) -> list[Row]:
    rows, wholes = [], {}
    async with Rest(stack.url) as rest:
        (pair,) = pairs(await sign_up(rest, 2))
        speaker = Speaker(rest, stack.url, pair)
        await speaker.begin()
        await speaker.speak(spoken_pieces(5))  # warm-up
        for seconds in lengths:
            times = LENGTHS[seconds]
            if scale < 1 and seconds > 60 and name.startswith("Whisper"):
                continue  # it cannot hear faster than one speaks
            pieces = spoken_pieces(seconds)
            hurried = len(pieces) - SLOW_END if scale < 1 and seconds > 60 else 0
            progress(f"{name}, {seconds} s of speech")
            meter = Meter(stack)
            meter.start()
            said = [await speaker.speak(pieces, hurried, HURRY) for _ in range(times if scale >= 1 else min(times, 2))]
            cpu = meter.stop()
            wholes[seconds] = statistics.median(each.whole for each in said)
            rows.append(_whole_row(f"{name}, {seconds} s of speech", seconds, said, limit))
            rows[-1].cpu = cpu
            if not hurried:
                rows.append(_first_row(f"... its first words, {seconds} s of speech", said, first_limit))
        speaker.end()
    fastest, slowest = min(wholes.values()), max(wholes.values())
    noise = GUESS_SECONDS if name.startswith("Whisper") else NOISE_SECONDS
    rows.append(
        Row(
            f"{name}, the slowest length compared with the fastest",
            f"{slowest / fastest:.2f} times",
            f"within a quarter, or {noise:g} s",
            slowest <= max(SLOWER * fastest, fastest + noise),
        )
    )
    return rows


def _whole_row(what: str, seconds: float, said: Sequence[Said], limit: float) -> Row:
    least = WORDS_A_SECOND * seconds
    whole = statistics.median(each.whole for each in said)
    waits = sum(each.waited for each in said)
    measured = (
        f"{whole:.2f} s (slowest {max(each.whole for each in said):.2f} s, {said[0].words} words, "
        f"told to wait {waits} of {len(said)} times)"
    )
    is_whole = all(each.words >= least for each in said)
    latencies = {"p50": whole, "p99": max(each.whole for each in said)}
    return Row(
        f"{what}, from its end to the receiver's frame with the whole transcript",
        measured,
        f"under {limit:g} s",
        whole < limit and is_whole,
        latencies=latencies,
        limit=limit,
    )


def _first_row(what: str, said: Sequence[Said], limit: float) -> Row:
    first = statistics.median(each.first for each in said)
    return Row(what, f"{first:.2f} s", f"within {limit:g} s", first < limit)


async def _together(stack: Stack, scale: float) -> list[Row]:
    """Ten people at once with the stand-in, and the text of others beside them, in turn with the same text alone."""
    seconds = 30 if scale >= 1 else 10
    pieces = spoken_pieces(seconds)
    without, loaded, alone, together = [], [], [], []
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url)
        await talk.begin(PAIRS)
        speakers = [Speaker(rest, stack.url, pair) for pair in pairs(await sign_up(rest, 2 * TOGETHER))]
        for speaker in speakers:
            await speaker.begin()
        await talk.at_rate(100, 3)
        for _ in range(TURNS):
            progress("one person speaks")
            alone.append(await speakers[0].speak(pieces[:20]))
            progress("text only")
            without.append(await talk.at_rate(100, seconds))
            progress(f"text, and {TOGETHER} people speak")
            meter = Meter(stack)
            meter.start()
            speaking = asyncio.gather(*(_late(speaker, number, pieces) for number, speaker in enumerate(speakers)))
            loaded.append(await talk.at_rate(100, seconds))
            together += await speaking
            cpu = meter.stop()
        talk.end()
        for speaker in speakers:
            speaker.end()
    was, became = min(each.whole for each in alone), statistics.median(each.whole for each in together)
    slowest = max(each.whole for each in together)
    row = Row(
        f"{TOGETHER} people at once, compared with one alone",
        f"median {became / was:.2f} times, slowest {slowest / was:.2f} times ({was:.2f} s to {slowest:.2f} s)",
        f"nobody slower by more than a quarter, or {NOISE_SECONDS:g} s",
        slowest <= max(SLOWER * was, was + NOISE_SECONDS),
        cpu,
    )
    return [row, *(_text_row(percent, without, loaded) for percent in (50, 99))]


def _text_row(percent: int, without: Sequence[Outcome], loaded: Sequence[Outcome]) -> Row:
    """Compares the medians of all turns. What equal turns differ by themselves is noise, and cannot be told from it."""
    before, after = (sorted(each.percentile(percent) for each in turns) for turns in (without, loaded))
    was, became = statistics.median(before), statistics.median(after)
    noise = before[-1] - before[0]
    allowed = was + max(FRACTION * was, noise)
    measured = (
        f"{became / was - 1:+.0%} ({milliseconds(was)} to {milliseconds(became)}; {len(before)} turns of text alone: "
        f"{milliseconds(before[0])} to {milliseconds(before[-1])})"
    )
    what = f"... and text meanwhile, 100 a second, change of p{percent}"
    target = f"under {FRACTION * 100:.0f} %, or what turns of text alone differ by"
    return Row(what, measured, target, became < allowed)


async def _late(speaker: Speaker, number: int, pieces: Sequence[bytes]) -> Said:
    """Begins a little later than the one before: no two people press the button together."""
    await asyncio.sleep(number * PIECE_SECONDS / TOGETHER)
    return await speaker.speak(pieces)
