"""Which characters show, and which only shape others or nothing at all."""

import unicodedata

import idna
import regex

# What leaves no mark of its own: spaces, controls, Unicode's default ignorables (joiners, variation selectors, marks of
# direction, fillers, tags), the marks of interlinear annotation, and the Braille pattern without a dot.
_UNSEEN = r"\p{White_Space}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800"
_SEEN = regex.compile(rf"[^{_UNSEEN}]")
_IGNORABLES = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_BLANKS = regex.compile(r"[\p{Zs}\t\u2800]+")

# An emoji as Unicode Technical Standard 51 (ED-17) composes it, or a keycap such as 1️⃣.
_ONE_EMOJI = (
    r"(?:\p{RI}\p{RI}|[\p{Extended_Pictographic}\p{Emoji_Presentation}]"
    r"(?:\p{Emoji_Modifier}|\ufe0f\u20e3?|\ufe0e|[\U000e0020-\U000e007e]+\U000e007f)?)"
)
_EMOJI = regex.compile(rf"[0-9#*]\ufe0f?\u20e3|{_ONE_EMOJI}(?:\u200d{_ONE_EMOJI})*")
# Variation selectors where they choose a letter's shape: of Han characters, and Mongolian ones.
_SHAPED = regex.compile(r"(?<=\p{Han})[\ufe00-\ufe02\U000e0100-\U000e01ef]|(?<=\p{Mongolian})[\u180b-\u180d\u180f]")
_NO_CHARACTER = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]")
_JOINERS = "\u200c\u200d"
_SHOWN_FORMATS = regex.compile(r"[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")  # number signs


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return _SEEN.search(text) is None


def without_ignorables(text: str) -> str:
    """The text without what Unicode calls default ignorable."""
    return str(_IGNORABLES.sub("", text))


def with_single_blanks(text: str) -> str:
    """The text with one blank in place of each stretch of blanks, and none around it."""
    return str(_BLANKS.sub(" ", text.strip())).strip()


def stray(text: str) -> list[int]:
    """The positions of characters that nobody sees and no script wants where they stand.

    A joiner belongs where it changes how letters join (RFC 5892, appendix A) or in an emoji, a variation selector where
    there is a variation. Composed forms (NFC) are expected.
    """
    wanted = {position for match in _EMOJI.finditer(text) for position in range(*match.span())}
    wanted |= {match.start() for match in _SHAPED.finditer(text)}
    return [
        match.start()
        for match in _NO_CHARACTER.finditer(text)
        if match.start() not in wanted and not _SHOWN_FORMATS.match(match.group()) and not _joins(text, match.start())
    ]


def without_stray(text: str) -> str:
    """The text without those characters."""
    positions = set(stray(text))
    return "".join(character for position, character in enumerate(text) if position not in positions)


def _joins(text: str, position: int) -> bool:
    if text[position] not in _JOINERS or position == 0 or not _is_letter_or_mark(text[position - 1]):
        return False
    return idna.valid_contextj(text, position)


def _is_letter_or_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
