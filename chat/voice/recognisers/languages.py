"""Language tags (BCP 47) as recognisers need them: their primary language, and how hints help a detection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

SETTLED_SECONDS = 20.0  # of speech
HINT_WEIGHT = 8.0  # how much likelier a hint makes a language than the sound alone

# BCP 47 tags, current, deprecated and of macro-languages, that Whisper knows by another code
_WHISPER = {"jv": "jw", "nb": "no", "iw": "he", "in": "id", "ji": "yi", "fil": "tl", "cmn": "zh", "arb": "ar"}
_STANDARD = {"jw": "jv"}


def primary(tag: str) -> str:
    """Returns the language without script and region: `zh` for `zh-Hant-TW`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def whisper_code(tag: str) -> str:
    """Returns the code Whisper has for a BCP 47 tag; it may not know the language."""
    if tag.lower().replace("_", "-") in ("zh-yue", "yue"):
        return "yue"
    return _WHISPER.get(primary(tag), primary(tag))


def standard_tag(code: str) -> str:
    """Returns the BCP 47 tag for one of Whisper's codes."""
    return _STANDARD.get(code, code)


@dataclass(frozen=True)
class Detection:
    """Which language is spoken, judged by the first `SETTLED_SECONDS`, since the first words alone say little.

    A hint decides where several languages are about equally likely, as with few words or poor sound. Against clear
    speech in another language it has no effect.
    """

    hints: Collection[str] = ()
    seconds: float = 0.0
    likelihoods: Mapping[str, float] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return self.seconds >= SETTLED_SECONDS

    @property
    def language(self) -> str | None:
        """The likeliest language; None before any speech."""

        def weighed(code: str) -> float:
            return self.likelihoods[code] * (HINT_WEIGHT if code in self.hints else 1.0)

        return max(self.likelihoods, key=weighed, default=None)

    def after(self, probabilities: Mapping[str, float], seconds: float) -> "Detection":
        """Returns the detection after `seconds` more of speech with these probabilities by language."""
        added = {code: self.likelihoods.get(code, 0.0) + seconds * each for code, each in probabilities.items()}
        return Detection(self.hints, self.seconds + seconds, added)
