"""Language tags (BCP 47) as recognisers need them: their primary language, and how hints help a detection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

SETTLED_SECONDS = 20.0  # of speech
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


@dataclass(frozen=True)
class Detection:
    """Which language is spoken, by all that was heard until `SETTLED_SECONDS`: the first words alone say little.

    A hint decides between languages that sound about as likely, as a few words or a poor line make them; against clear
    speech in another language it does nothing.
    """

    hints: Collection[str] = ()
    seconds: float = 0.0
    likelihoods: Mapping[str, float] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return self.seconds >= SETTLED_SECONDS

    @property
    def language(self) -> str | None:
        """None before anything was heard."""

        def weighed(code: str) -> float:
            return self.likelihoods[code] * (HINT_WEIGHT if code in self.hints else 1.0)

        return max(self.likelihoods, key=weighed, default=None)

    def after(self, probabilities: Mapping[str, float], seconds: float) -> "Detection":
        """The same, after another stretch of speech that sounds like these languages."""
        added = {code: self.likelihoods.get(code, 0.0) + seconds * each for code, each in probabilities.items()}
        return Detection(self.hints, self.seconds + seconds, added)
