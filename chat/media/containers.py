"""The kinds of files we know, recognised by their first bytes alone.

Each kind is opened with its own demuxer: FFmpeg's own guess could also be a playlist, which names other files and URLs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES = 2_048  # enough for every signature below; two MP3 frames are the longest
JUNK_BYTES = 64 * 1024  # how much before the sound is skipped; recorders and download tools leave such bytes
ID3_HEADER = 10

_MPEG1_KILOBITS = {
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2_KILOBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True, slots=True)
class Container:
    demuxer: str
    mimetype: str
    extensions: tuple[str, ...]  # the first is the usual one


WEBM = Container("matroska", "audio/webm", (".webm", ".weba"))
MATROSKA = Container("matroska", "audio/x-matroska", (".mka", ".mkv"))
OGG = Container("ogg", "audio/ogg", (".ogg", ".oga", ".opus", ".spx"))
MP4 = Container("mov", "audio/mp4", (".m4a", ".mp4", ".m4b"))
MOV = Container("mov", "video/quicktime", (".mov", ".3gp", ".3g2", ".qta"))
WAV = Container("wav", "audio/wav", (".wav",))
FLAC = Container("flac", "audio/flac", (".flac",))
MP3 = Container("mp3", "audio/mpeg", (".mp3",))
ADTS = Container("aac", "audio/aac", (".aac",))
AMR = Container("amr", "audio/amr", (".amr", ".awb"))
AIFF = Container("aiff", "audio/aiff", (".aiff", ".aif", ".aifc"))
CAF = Container("caf", "audio/x-caf", (".caf",))
AU = Container("au", "audio/basic", (".au", ".snd"))
ASF = Container("asf", "audio/x-ms-wma", (".wma", ".asf"))

ALL = (WEBM, MATROSKA, OGG, MP4, MOV, WAV, FLAC, MP3, ADTS, AMR, AIFF, CAF, AU, ASF)

_SIGNATURES = (
    (b"OggS", OGG),
    (b"fLaC", FLAC),
    (b"ID3", MP3),
    (b"#!AMR", AMR),
    (b"caff", CAF),
    (b".snd", AU),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
    (b"RF64", WAV),
)
_FORMS = {(b"RIFF", b"WAVE"): WAV, (b"FORM", b"AIFF"): AIFF, (b"FORM", b"AIFC"): AIFF}
_OTHER_BRANDS = (b"qt", b"3g")  # QuickTime and 3GP have MP4's structure, but not every browser plays them


@dataclass(frozen=True, slots=True)
class Found:
    """A container, and the offset at which it begins; what stands before is junk."""

    container: Container
    at: int


def find(file: BinaryIO) -> Found | None:
    """Identifies a file; None if we do not know its kind. Leaves the file at its beginning."""
    file.seek(0)
    head = file.read(JUNK_BYTES + HEAD_BYTES)
    at = 0
    container = container_of(head)
    if container is None:
        at = _behind_junk(head)
        container = container_of(head[at:]) if at else None
    if container is MP3:
        container = _behind_tags(file, head, at)
    file.seek(0)
    return Found(container, at) if container else None


def container_of(head: bytes) -> Container | None:
    """The container that begins with these bytes (`HEAD_BYTES` of them are enough), or None."""
    if head.startswith(b"\x1aE\xdf\xa3"):  # EBML
        return WEBM if b"webm" in head[:64] else MATROSKA
    if head[4:8] == b"ftyp":
        return MOV if head[8:10] in _OTHER_BRANDS else MP4
    form = _FORMS.get((head[:4], head[8:12]))
    if form is not None:
        return form
    for signature, container in _SIGNATURES:
        if head.startswith(signature):
            return container
    if _frames(head, _mpeg_frame_bytes) >= 2:
        return MP3
    return ADTS if _frames(head, _adts_frame_bytes) >= 2 else None


def extension(mimetype: str) -> str:
    """The usual ending of a file of this type."""
    return next((kind.extensions[0] for kind in ALL if kind.mimetype == mimetype), "")


def _behind_junk(head: bytes) -> int:
    """The offset of the sound behind zero bytes, or behind any bytes if it is MP3; 0 if none is found."""
    zeros = len(head) - len(head.lstrip(b"\0"))
    for at in (zeros, zeros - 3):  # an MP4 begins with three of its own
        if at > 0 and container_of(head[at : at + HEAD_BYTES]) is not None:
            return at
    tag = head.find(b"ID3")
    if 0 <= tag < JUNK_BYTES and _tag_bytes(head[tag:]):
        return tag
    at = head.find(b"\xff")
    while 0 <= at < JUNK_BYTES:
        if _frames(head[at : at + 4 * HEAD_BYTES], _mpeg_frame_bytes) >= 3:  # two may be a coincidence
            return at
        at = head.find(b"\xff", at + 1)
    return 0


def _behind_tags(file: BinaryIO, head: bytes, at: int) -> Container | None:
    """The container behind the ID3 tags, which may also precede FLAC and ADTS."""
    tag = _tag_bytes(head[at:])
    for _ in range(4):
        if not tag:
            break
        at += tag
        file.seek(at)
        head, tag = file.read(HEAD_BYTES), 0
        if head.startswith(b"ID3"):
            tag = _tag_bytes(head)
    else:
        return None
    found = container_of(head) if at else MP3
    return found if found in (FLAC, ADTS) else MP3


def _tag_bytes(head: bytes) -> int:
    """The length of the ID3v2 tag that begins here, or 0 if there is none."""
    if not head.startswith(b"ID3") or len(head) < ID3_HEADER or head[3] > 4 or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return ID3_HEADER + size + (ID3_HEADER if head[5] & 0x10 else 0)


def _frames(head: bytes, length_of: Callable[[bytes], int]) -> int:
    """Counts consecutive frames, up to three."""
    at = count = 0
    while count < 3:
        length = length_of(head[at : at + 8])
        if not length:
            break
        at += length
        count += 1
    return count


def _mpeg_frame_bytes(header: bytes) -> int:
    """The length of the frame of MPEG audio, layer II or III, that begins here, or 0 if there is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if layer not in (1, 2) or version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    samples_a_second = (44_100, 48_000, 32_000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    kilobits = (_MPEG1_KILOBITS[layer] if version == 3 else _MPEG2_KILOBITS)[bitrate - 1]
    bytes_a_bit = 144 if version == 3 or layer == 2 else 72
    return bytes_a_bit * kilobits * 1_000 // samples_a_second + padding


def _adts_frame_bytes(header: bytes) -> int:
    """The length of the ADTS frame that begins here, or 0 if there is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0
