"""Language tags (BCP 47) as recognisers need them: their primary language, and how hints help a detection."""

from collections.abc import Mapping, Sequence

HINT_WEIGHT = 8.0  # a language that was hinted at is taken for so much likelier than the sound alone says

# Tags of today, of yesterday and of macro-languages, and the code Whisper knows the language by
_WHISPER = {"jv": "jw", "nb": "no", "iw": "he", "in": "id", "ji": "yi", "fil": "tl", "cmn": "zh", "arb": "ar"}
_STANDARD = {"jw": "jv"}


def primary(tag: str) -> str:
    """The language itself, without script and region: `zh-Hant-TW` is `zh`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def whisper_code(tag: str) -> str:
    """The code Whisper would know this language by."""
    if tag.lower().replace("_", "-") in ("zh-yue", "yue"):
        return "yue"
    return _WHISPER.get(primary(tag), primary(tag))


def standard_tag(code: str) -> str:
    """The BCP 47 tag of a language of Whisper's."""
    return _STANDARD.get(code, code)


def likeliest(probabilities: Mapping[str, float], hints: Sequence[str]) -> str:
    """The language to take, by how likely each sounds and which were hinted at.

    A hint decides between languages that sound about as likely, as a few words or a poor line make them; against clear
    speech in another language it does nothing.
    """
    hinted = set(hints)
    return max(probabilities, key=lambda code: probabilities[code] * (HINT_WEIGHT if code in hinted else 1.0))
