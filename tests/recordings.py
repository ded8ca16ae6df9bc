"""Recordings for tests: a human voice (see `tests/audio/README.md`), and files that are not what they claim to be."""

import io
import struct
import wave
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FOLDER = Path(__file__).resolve().parent / "audio"

RESPECTABLE = "had he married a more amiable woman he might have been made still more respectable than he was"
AMIABLE = "he might even have been made amiable himself"

# Each format of the contract: file, its type, and its duration in seconds
FORMATS = (
    ("respectable.webm", "audio/webm", 6.05),
    ("respectable.ogg", "audio/ogg", 6.05),
    ("respectable.m4a", "audio/mp4", 6.05),
    ("amiable.webm", "audio/webm", 3.29),
    ("amiable.mp3", "audio/mpeg", 3.29),
    ("amiable.flac", "audio/flac", 3.29),
    ("amiable.wav", "audio/wav", 2.94),
)


def spoken(name: str = "respectable.webm") -> bytes:
    return (FOLDER / name).read_bytes()


def cut_off() -> bytes:
    """The first half of a webm, as if the browser died while sending it."""
    whole = spoken()
    return whole[: len(whole) // 2]


def silence(seconds: float, rate: int = 16_000) -> bytes:
    """A silent wav."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(bytes(int(seconds * rate) * 2))
    return buffer.getvalue()


def large(size: int) -> bytes:
    """A wav of about that many bytes that is short, because its sample rate is high (at most 192,000 Hz)."""
    rate = 192_000
    return silence(size / 2 / rate, rate)


def encoded(
    container: str,
    codec: str,
    seconds: float = 1.0,
    rate: int = 48_000,
    layout: str = "mono",
    tags: dict[str, str] | None = None,
    begins: float = 0.0,
) -> bytes:
    """A tone in any format PyAV can write, `begins` seconds after its container's clock."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as target:
        target.metadata.update(tags or {})
        stream = target.add_stream(codec, rate=rate, layout=layout)
        if codec == "wmav2":  # knows no usual one
            stream.bit_rate = 64_000
        count = 0
        for frame in resampled(tone(seconds, rate), stream.format.name, layout, rate):
            frame.pts, frame.time_base = count, Fraction(1, rate)
            count += frame.samples
            _mux(target, stream.encode(frame), begins)
        _mux(target, stream.encode(None), begins)
    return buffer.getvalue()


def _mux(target: Any, packets: list[Any], begins: float) -> None:
    for packet in packets:
        if begins:
            late = int(begins / packet.time_base)
            packet.pts, packet.dts = packet.pts + late, packet.dts + late
        if packet.size:  # FLAC's encoder ends with one that has none
            target.mux(packet)


def resampled(frames: Iterable[av.AudioFrame], kind: str, layout: str, rate: int) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format=kind, layout=layout, rate=rate)
    for frame in (*frames, None):
        yield from resampler.resample(frame)


def tone(seconds: float, rate: int = 48_000, channels: Sequence[float] = (0.5,)) -> Iterator[av.AudioFrame]:
    """440 Hz, in each channel as loud as `channels` says (of 1.0)."""
    wave_ = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate)
    samples = np.stack([(wave_ * level * 32_767).astype(np.int16) for level in channels])
    layout = {1: "mono", 2: "stereo"}[len(channels)]
    for at in range(0, samples.shape[1], rate // 10):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + rate // 10]), "s16p", layout)
        frame.sample_rate = rate
        yield frame


def fragmented_mp4(name: str = "respectable.webm") -> bytes:
    """A recording as Safari's recorder makes it: AAC in an MP4 whose samples come in fragments."""
    buffer = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
    with av.open(io.BytesIO(spoken(name))) as source, av.open(buffer, "w", format="mp4", options=options) as target:
        stream = target.add_stream("aac", rate=48_000, layout="mono")
        for frame in source.decode(audio=0):
            frame.pts = None
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return buffer.getvalue()


def on_one_side(level_left: float, level_right: float) -> bytes:
    """Two seconds of WebM in stereo; half a second of it is silent."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as target:
        stream = target.add_stream("libopus", rate=48_000, layout="stereo")
        sides = (level_left, level_right)
        frames = (*tone(1.5, channels=sides), *tone(0.5, channels=(0.0, 0.0)))
        for frame in resampled(frames, stream.format.name, "stereo", 48_000):
            frame.pts = None
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return buffer.getvalue()


def opus_in_mp4(packets: int, ticks: int) -> bytes:
    """120 ms of Opus in each packet, of which the table says that it lasts `ticks` of 48,000 a second."""
    sound = io.BytesIO()
    with av.open(sound, "w", format="ogg") as target:
        stream = target.add_stream("libopus", rate=48_000, layout="mono", options={"frame_duration": "120"})
        one = [
            bytes(packet)
            for frame in resampled(tone(1.0), stream.format.name, "mono", 48_000)
            for packet in stream.encode(frame)
        ][-1]
    head = _box(b"dOps", struct.pack(">BBHIhB", 0, 1, 312, 48_000, 0, 0))
    return mp4_of(b"Opus", head, [one] * packets, ticks, 48_000)


def alac_declaring(samples: int, rate: int = 48_000) -> bytes:
    """An ALAC file whose packets promise so many samples each, of such a rate."""
    cookie = _table(b"alac", struct.pack(">IBBBBBBHIII", samples, 0, 16, 40, 10, 14, 8, 255, 0, 0, rate))
    return mp4_of(b"alac", cookie, [b"\x60" + bytes(500)] * 4, 4_800, rate)


def speex(packets: int = 50) -> bytes:
    """A second of silence in Ogg's Speex: narrowband frames of submode 0, each followed by the terminator."""
    header = b"Speex   1.2.0".ljust(28, b"\0") + struct.pack("<13I", 1, 80, 8_000, 0, 4, 1, 8_000, 160, 0, 1, 0, 0, 0)
    comment = struct.pack("<II", 0, 0)
    pages = [_ogg_page(0, 0, [header], 2), _ogg_page(1, 0, [comment])]
    pages += [_ogg_page(2 + number, 160 * (number + 1), [b"\x03\xdf"]) for number in range(packets)]
    return b"".join(pages)


def ogg_pages_of_nothing(pages: int, behind: bytes = b"") -> bytes:
    """So many pages without a packet, behind the header of an Opus file or some other beginning."""
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    beginning = behind or _ogg_page(0, 0, [head], 2) + _ogg_page(1, 0, [b"OpusTags" + struct.pack("<II", 0, 0)])
    return beginning + _ogg_page(2, 0, []) * pages


def _ogg_page(number: int, granule: int, packets: list[bytes], flags: int = 0) -> bytes:
    body = b"".join(packets)
    header = b"OggS" + struct.pack("<BBqIIIB", 0, flags, granule, 7, number, 0, len(packets))
    page = header + bytes(map(len, packets)) + body
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
    return page[:22] + struct.pack("<I", checksum) + page[26:]


def video(container: str = "webm", codec: str = "vp8", sound: str | None = "libopus", pictures: int = 10) -> bytes:
    """A video of one black second, with or without sound."""
    buffer, kind = io.BytesIO(), "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(buffer, "w", format=container) as target:
        picture = target.add_stream(codec, rate=10, width=64, height=64, pix_fmt=kind)
        voice = target.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for _ in range(pictures):
            target.mux(picture.encode(av.VideoFrame(64, 64, kind)))
        target.mux(picture.encode(None))
        if voice is not None:
            with av.open(io.BytesIO(silence(1.0))) as source:
                for frame in source.decode(audio=0):
                    target.mux(voice.encode(frame))
            target.mux(voice.encode(None))
    return buffer.getvalue()


def mp3_with_cover() -> bytes:
    """An mp3 with a picture in its tag, which does not make it a video."""
    picture = io.BytesIO()
    with av.open(picture, "w", format="image2pipe") as target:
        stream = target.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24")
        target.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
        target.mux(stream.encode(None))
    frame = b"\x00image/png\x00\x03\x00" + picture.getvalue()
    tag = b"APIC" + struct.pack(">I", len(frame)) + b"\x00\x00" + frame
    size = bytes(len(tag) >> shift & 0x7F for shift in (21, 14, 7, 0))
    music = spoken("amiable.mp3")
    return b"ID3\x03\x00\x00" + size + tag + music[music.index(b"\xff\xf3") :]


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _table(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags), *parts)


def mp4_declaring(samples: int, edits: int = 0) -> bytes:
    """Two kilobytes of MP4 whose tables claim so many samples, repeated so many times."""
    entry = _box(b"mp4a", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, 44_100 << 16))
    tables = _box(
        b"stbl",
        _table(b"stsd", struct.pack(">I", 1), entry),
        _table(b"stts", struct.pack(">III", 1, samples, 1024)),
        _table(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        _table(b"stsz", struct.pack(">II", 1, samples)),
        _table(b"stco", struct.pack(">II", 1, 600)),
    )
    media = _box(
        b"mdia",
        _table(b"mdhd", struct.pack(">IIIIHH", 0, 0, 44_100, 44_100, 0, 0)),
        _table(b"hdlr", struct.pack(">I4s", 0, b"soun"), bytes(13)),
        _box(b"minf", _table(b"smhd", bytes(4)), tables),
    )
    listed = _table(b"elst", struct.pack(">I", edits), struct.pack(">IIHH", 9_000_000, 0, 1, 0) * edits)
    header = _table(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, 1_000), bytes(60))
    track = _box(b"trak", header, _box(b"edts", listed) if edits else b"", media)
    movie = _table(b"mvhd", struct.pack(">IIII", 0, 0, 1_000, 1_000), bytes(80))
    return _box(b"ftyp", b"M4A \0\0\2\0isom") + _box(b"moov", movie, track) + _box(b"mdat", b"\x21\x00" * 1_000)


def mp4_of(codec: bytes, children: bytes, packets: list[bytes], ticks: int, timescale: int) -> bytes:
    """An MP4 of these packets, each of which says that it lasts `ticks`."""
    entry = struct.pack(">HHI", 2, 16, 0) + struct.pack(">I", min(timescale, 65_535) << 16) + children
    sample = _box(codec, bytes(6), struct.pack(">H", 1), bytes(8), entry)

    def movie(at: int) -> bytes:
        tables = _box(
            b"stbl",
            _table(b"stsd", struct.pack(">I", 1), sample),
            _table(b"stts", struct.pack(">III", 1, len(packets), ticks)),
            _table(b"stsc", struct.pack(">IIII", 1, 1, len(packets), 1)),
            _table(b"stsz", struct.pack(">II", 0, len(packets)), *(struct.pack(">I", len(each)) for each in packets)),
            _table(b"stco", struct.pack(">II", 1, at)),
        )
        media = _box(
            b"mdia",
            _table(b"mdhd", struct.pack(">IIIIHH", 0, 0, timescale, ticks * len(packets), 0, 0)),
            _table(b"hdlr", struct.pack(">I4s", 0, b"soun"), bytes(13)),
            _box(b"minf", _table(b"smhd", bytes(4)), tables),
        )
        track = _box(b"trak", _table(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, 1_000), bytes(60)), media)
        return _box(b"moov", _table(b"mvhd", struct.pack(">IIII", 0, 0, 1_000, 1_000), bytes(80)), track)

    kind = _box(b"ftyp", b"M4A \0\0\2\0isom")
    return kind + movie(len(kind) + len(movie(0)) + 8) + _box(b"mdat", *packets)


def mp4_fragment_declaring(samples: int) -> bytes:
    """The same, claimed by a fragment."""
    run = _box(b"traf", _table(b"tfhd", struct.pack(">I", 1)), _table(b"trun", struct.pack(">I", samples)))
    return mp4_declaring(0) + _box(b"moof", _table(b"mfhd", struct.pack(">I", 1)), run)


def webm_of_timestamps(step_ms: int, packets: int) -> bytes:
    """A webm whose packets claim to be `step_ms` apart, whatever they contain."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(spoken())) as source, av.open(buffer, "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        sound = next(packet for packet in source.demux(audio=0) if packet.size)
        for number in range(packets):
            copy = av.Packet(bytes(sound))
            copy.stream, copy.time_base = stream, sound.time_base
            copy.pts = copy.dts = number * step_ms
            target.mux(copy)
    return buffer.getvalue()


def lies() -> dict[str, bytes]:
    """Files that are not audio, whatever their names and first bytes say."""
    return {
        "empty": b"",
        "text": b"hello, this is no audio at all\n" * 50,
        "page": b"<!doctype html><script>alert(1)</script>",
        "page-as-wav": b"RIFF\x10\x27\x00\x00WAVE<script>alert(1)</script>" + b" " * 10_000,
        "page-as-mp3": b"ID3<script>alert(1)</script>" * 300,
        "page-as-webm": spoken()[:40] + b"<script>alert(1)</script>" * 300,
        "page-as-ogg": b"OggS<script>alert(1)</script>" * 300,
        "page-as-mp4": b"\x00\x00\x00\x18ftypM4A <script>alert(1)</script>" * 300,
        "utf-16": b"\xff\xfe" + "hello".encode("utf-16-le") * 500,
        "mp3-headers": b"\xff\xfb\x90\x00" * 5_000,
        "png": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "zip": b"PK\x03\x04" + bytes(500),
        "program": b"\x7fELF" + bytes(500),
        "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "webm-header": spoken()[:200],
        "zeros": bytes(10_000),
    }
