"""Words while you speak: from the end of speech, however long, to the receiver's frame with all of it."""

import asyncio
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import voice
from bench.compare import FRACTION
from bench.load import Outcome, percentile
from bench.messaging import Talk
from bench.people import pairs, sign_up
from bench.rest import Rest
from bench.rows import PAIRS, Row, milliseconds, progress
from bench.servers import Meter, servers
from bench.speaking import PIECE_SECONDS, Said, Speaker, read_seconds, spoken_pieces
from tests.stack import Stack

LENGTHS = {5: 3, 60: 2, 600: 1}  # seconds of speech, and how often each of the `ENDINGS` is spoken
ENDINGS = 3  # places in what is read where each length ends, so that the same words are the last ones of all
LATER = 0.4  # seconds by which each of them is longer, so that they end in all phases of the second between two guesses
PARTS = ("deepgram", "together", "whisper")  # `python -m bench live --live whisper 5 60` measures only these
TOGETHER = 10  # people at once
SLOWER = 1.25  # at most, for each length, and beside others, compared with the fastest or with one alone
TURNS, QUICK_TURNS = 8, 4  # of text alone, and of text beside those who speak
HURRY = {"Deepgram's stand-in": (8.0, 35), "Whisper base": (4.0, 100)}  # with --quick: ten minutes come so many times
# faster, but for so many pieces at their end
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
    rows: list[Row] = []
    said: dict[int, list[list[Said]]] = {}  # by seconds: rounds, each with all endings
    ends = [read_seconds() * (number + 0.5) / ENDINGS for number in range(ENDINGS)]
    async with Rest(stack.url) as rest:
        (pair,) = pairs(await sign_up(rest, 2))
        speaker = Speaker(rest, stack.url, pair)
        await speaker.begin()
        await speaker.speak(spoken_pieces(5))  # warm-up
        for seconds in lengths:
            is_hurried = scale < 1 and seconds > 60
            speed, slow_end = HURRY[name] if is_hurried else (1.0, 0)
            rounds = LENGTHS[seconds] if scale >= 1 else 1
            meter = Meter(stack)
            meter.start()
            said[seconds] = []
            for number in range(rounds):
                progress(f"{name}, {seconds} s of speech, round {number + 1} of {rounds}")
                spoken = [
                    spoken_pieces(seconds + LATER * place, end)
                    for place, end in enumerate(ends[:1] if is_hurried else ends)
                ]
                one_round = [
                    await speaker.speak(each, len(each) - slow_end if is_hurried else 0, speed) for each in spoken
                ]
                progress(f"{', '.join(f'{each.whole:.2f}' for each in one_round)} s")
                said[seconds].append(one_round)
            cpu = meter.stop()
            every = [one for each in said[seconds] for one in each]
            rows.append(_whole_row(f"{name}, {seconds} s of speech", seconds, every, limit))
            rows[-1].cpu = cpu
            if not is_hurried:
                rows.append(_first_row(f"... its first words, {seconds} s of speech", every, first_limit))
        speaker.end()
    return [*rows, _alike_row(name, said)]


def _alike_row(name: str, said: Mapping[int, Sequence[Sequence[Said]]]) -> Row:
    """Compares the lengths. How much rounds of one length differ is what this machine cannot tell from a difference."""
    wholes = {seconds: _median([one for each in rounds for one in each]) for seconds, rounds in said.items()}
    times = max(wholes.values()) / min(wholes.values())
    measured = f"{times:.2f} times ({', '.join(f'{each:.2f} s' for each in wholes.values())})"
    equal = [sorted(map(_median, rounds)) for rounds in said.values() if len(rounds) > 1]
    noise = max((each[-1] / each[0] for each in equal), default=1.0)
    is_alike: bool | None = times <= SLOWER
    if equal:
        measured += f"; rounds of one length differ {noise:.2f} times"
    if not is_alike and times <= noise:
        is_alike, measured = None, f"{measured}: this machine cannot tell"
    return Row(f"{name}, the slowest length compared with the fastest", measured, "within a quarter", is_alike)


def _median(said: Sequence[Said]) -> float:
    return statistics.median(each.whole for each in said)


def _whole_row(what: str, seconds: int, said: Sequence[Said], limit: float) -> Row:
    least = WORDS_A_SECOND * seconds
    whole, most = _median(said), max(each.whole for each in said)
    stored = statistics.median(each.stored for each in said)
    sent = statistics.median(each.sent for each in said)
    fewest, waits = min(each.words for each in said), sum(each.waited for each in said)
    measured = (
        f"{whole:.2f} s (of {len(said)}: {min(each.whole for each in said):.2f} to {most:.2f} s; its last piece "
        f"answered after {stored:.2f} s, the message accepted after {sent:.2f} s; at least {fewest} words; told to "
        f"wait {waits} times)"
    )
    return Row(
        f"{what}, from its end to the receiver's frame with the whole transcript",
        measured,
        f"under {limit:g} s",
        whole < limit and fewest >= least,
        latencies={"p50": whole, "p99": most},
        limit=limit,
    )


def _first_row(what: str, said: Sequence[Said], limit: float) -> Row:
    first = statistics.median(each.first for each in said)
    return Row(what, f"{first:.2f} s", f"within {limit:g} s", first < limit)


async def _together(stack: Stack, scale: float) -> list[Row]:
    """Ten people at once with the stand-in, and the text of others beside them, in turn with the same text alone.

    The text goes over sockets, as the page sends it.
    """
    seconds, turns = (30, TURNS) if scale >= 1 else (10, QUICK_TURNS)
    pieces = spoken_pieces(seconds)
    without, loaded, alone, together = [], [], [], []
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url, by_socket=True)
        await talk.begin(PAIRS)
        speakers = [Speaker(rest, stack.url, pair) for pair in pairs(await sign_up(rest, 2 * TOGETHER))]
        for speaker in speakers:
            await speaker.begin()
        await talk.at_rate(100, 3)
        for _ in range(turns):
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
        "nobody slower by more than a quarter",
        slowest <= SLOWER * was,
        cpu,
    )
    return [row, *(_text_row(percent, without, loaded) for percent in (50, 99))]


def _text_row(percent: int, without: Sequence[Outcome], loaded: Sequence[Outcome]) -> Row:
    """Compares all turns beside speech with all turns of text alone.

    What every other turn of text alone differs from the rest is what this machine cannot tell from a difference.
    """
    was, became, even, odd = (_percentile(turns, percent) for turns in (without, loaded, without[::2], without[1::2]))
    change, noise = became / was - 1, max(even, odd) / min(even, odd) - 1
    single = sorted(each.percentile(percent) for each in without)
    measured = (
        f"{change:+.0%} ({milliseconds(was)} to {milliseconds(became)}; every other turn of text alone differs by "
        f"{noise:.0%} from the rest, single ones are {milliseconds(single[0])} to {milliseconds(single[-1])})"
    )
    is_unmoved: bool | None = change <= FRACTION
    if not is_unmoved and change <= noise:
        is_unmoved, measured = None, f"{measured}: this machine cannot tell"
    what = f"... and text meanwhile, 100 a second, change of p{percent}"
    return Row(what, measured, f"at most {FRACTION:.0%}", is_unmoved)


def _percentile(turns: Sequence[Outcome], percent: int) -> float:
    return percentile((latency for each in turns for latency in each.latencies), percent)


async def _late(speaker: Speaker, number: int, pieces: Sequence[bytes]) -> Said:
    """Begins a little later than the one before: no two people press the button together."""
    await asyncio.sleep(number * PIECE_SECONDS / TOGETHER)
    return await speaker.speak(pieces)
