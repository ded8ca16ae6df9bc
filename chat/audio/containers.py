"""The kinds of recordings there are, told from their first bytes and nothing else.

Each is opened with its own demuxer only: FFmpeg's guess would also know playlists, which read other files and
addresses.
"""

from dataclasses import dataclass

HEAD_BYTES = 2_048  # enough for every sign below; two frames of MP3 are the longest
CODECS = frozenset({"opus", "vorbis", "aac", "mp3", "flac", "alac"})  # and PCM
_DECODERS = "opus,libopus,vorbis,aac,mp3float,flac,alac,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_u8"
_MPEG1_KILOBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KILOBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True, slots=True)
class Container:
    demuxer: str
    mimetype: str
    extensions: tuple[str, ...]  # the first is the usual one

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's: no cover is decoded, and an MP4's edit list cannot repeat its samples a million times."""
        return {"codec_whitelist": _DECODERS} | ({"ignore_editlist": "1"} if self.demuxer == "mov" else {})


WEBM = Container("matroska", "audio/webm", (".webm", ".weba"))
MATROSKA = Container("matroska", "audio/x-matroska", (".mka", ".mkv"))
OGG = Container("ogg", "audio/ogg", (".ogg", ".oga", ".opus"))
MP4 = Container("mov", "audio/mp4", (".m4a", ".mp4", ".m4b"))
WAV = Container("wav", "audio/wav", (".wav",))
FLAC = Container("flac", "audio/flac", (".flac",))
MP3 = Container("mp3", "audio/mpeg", (".mp3",))

ALL = (WEBM, MATROSKA, OGG, MP4, WAV, FLAC, MP3)


def container_of(head: bytes) -> Container | None:
    """The container that begins with these bytes (`HEAD_BYTES` of them are enough), or None."""
    if head.startswith(b"\x1aE\xdf\xa3"):  # EBML
        return WEBM if b"webm" in head[:64] else MATROSKA
    if head[4:8] == b"ftyp":
        return MP4
    if head.startswith(b"RIFF"):
        return WAV if head[8:12] == b"WAVE" else None
    for sign, container in ((b"OggS", OGG), (b"fLaC", FLAC), (b"ID3", MP3)):
        if head.startswith(sign):
            return container
    return MP3 if _starts_with_mp3(head) else None


def extension(mimetype: str) -> str:
    """The usual ending of a file of this type."""
    return next((kind.extensions[0] for kind in ALL if kind.mimetype == mimetype), "")


def _starts_with_mp3(head: bytes) -> bool:
    """Whether there are two frames of MPEG audio, layer III, one right behind the other."""
    length = _mp3_frame_bytes(head)
    return length > 0 and _mp3_frame_bytes(head[length:]) > 0


def _mp3_frame_bytes(header: bytes) -> int:
    """The length of the frame that begins here, or 0 when none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:  # sync and layer III
        return 0
    version = header[1] >> 3 & 3
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    samples_a_second = (44_100, 48_000, 32_000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    kilobits = (_MPEG1_KILOBITS if version == 3 else _MPEG2_KILOBITS)[bitrate - 1]
    return (144 if version == 3 else 72) * kilobits * 1_000 // samples_a_second + padding
