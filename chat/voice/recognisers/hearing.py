"""Transcribes one recording with Whisper, piece by piece.

The work per piece is bounded: one round, or up to `MAX_ROUNDS` where the model stops early. A round encodes the piece
once and decodes it at most `len(TEMPERATURES)` times, each with a limit on tokens. What the detector takes for speech
but Whisper does not is dropped, and loops are cut.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from chat.audio.heard import Heard, text_of
from chat.voice.recognisers import languages
from chat.voice.recognisers.agreement import SENTENCE_ENDS
from chat.voice.recognisers.loops import bare, ends_twice, without_loops
from chat.voice.recognisers.pieces import RATE, Piece, Samples, spoken_seconds
from chat.voice.recognisers.protocol import LanguageNotKnown, Transcript
from chat.wire import Word

TEMPERATURES = (
    0.0,
    0.4,
    0.8,
)  # the first takes the likeliest token; the others are tried when that loops or is very unsure
BEAMS = 5  # as OpenAI's own
MAX_COMPRESSION_RATIO = 2.4  # of the text, by zlib; text above it repeats itself (OpenAI's own threshold)
MIN_LOG_PROBABILITY = -1.0  # mean over the tokens; text below it is a guess (OpenAI's own threshold)
MAX_NO_SPEECH = 0.6  # probability of silence above which a guess counts as silence (OpenAI's own threshold)
TOKENS_A_SECOND = 25  # nobody speaks faster, in any script
MIN_TOKENS = 24
FRAMES_A_SECOND = 100  # of Whisper's features
SPARE_SECONDS = 4.0  # of silence behind a short piece; with 2, Whisper said the end of 4 of 17 twice, with 3 of 2
MAX_ROUNDS = 6  # per piece
MIN_LEFT_SECONDS = 1.0  # seconds of speech after the last word that are worth another round
OVERLAP = 3  # known words that are heard again with what follows; the last one and another must be, or all is heard
WORTH_SECONDS = 0.5  # of a piece's beginning that are worth leaving out
CONTEXT_CHARACTERS = 120  # of a sentence's beginning; a long sentence has as many
SPACELESS = ("zh", "ja", "yue")  # written without spaces, even between sentences
# Marks that belong to the next word, and to the last one (faster-whisper's own defaults)
OPENING, CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


@dataclass(frozen=True, slots=True)
class Guess:
    """The text and the words of one piece, and what is known of the language after it."""

    text: str
    words: list[Word]
    language: languages.Detection

    def split(self, count: int) -> tuple["Guess", "Guess"]:
        """Returns its first `count` words, and the others."""
        first, rest = self.words[:count], self.words[count:]
        text = text_of(self.text, first)
        other = self.text[len(text) :].strip()
        return replace(self, text=text, words=first), replace(self, text=other, words=rest)

    def spelled(self, blank: str) -> list[Word]:
        """Returns its words with what is before each of them in the text, and `blank` before the first."""
        found: list[Word] = []
        end = 0
        for word in self.words:
            at = max(end, self.text.find(word["word"], end))
            found.append({**word, "word": (self.text[end:at] if found else blank) + word["word"]})
            end = at + len(word["word"])
        return found


class Encoded(NamedTuple):
    """What Whisper's encoder makes of a piece, how many frames the sound in it has, and whether it was padded to what
    Whisper was trained with.
    """

    features: Any
    frames: int
    is_padded: bool


class Interrupted(Exception):
    """A guess was given up, since nobody waits for it any more."""


def never() -> bool:
    return False


class Hearing:
    """Collects the words of one recording while it is transcribed piece by piece."""

    def __init__(
        self, model: WhisperModel, language: str | None, hints: Sequence[str], begun: Heard | None = None
    ) -> None:
        """`begun`, for a recording that is being made: the words that were settled of its beginning."""
        self._is_live = begun is not None
        self._model = model
        self._known = set(model.supported_languages)
        self._hints = [code for code in map(languages.whisper_code, hints) if code in self._known]
        self._forced = self._code(language)
        self._heard = languages.Detection(self._hints)
        self._is_unwanted = never
        self._words: list[Word] = begun.words[: begun.settled] if begun else []
        self._texts: list[str] = [begun.settled_text] if begun and begun.settled_text else []

    @property
    def text(self) -> str:
        return self._joined(self._texts)

    def _joined(self, texts: Sequence[str]) -> str:
        return self._blank.join(texts)

    @property
    def _blank(self) -> str:
        """What is between two words."""
        return "" if self._language in SPACELESS else " "

    def transcript(self) -> Transcript:
        sure = [word["confidence"] for word in self._words if word["confidence"] is not None]
        return Transcript(
            text=self.text,
            confidence=round(sum(sure) / len(sure), 4) if sure else None,
            language=languages.standard_tag(self._language) if self._language and self._words else None,
            words=self._words,
        )

    def hear(self, piece: Piece) -> None:
        """Adds the words of the next piece. Pieces must come in order."""
        self.add(self.guess(piece))

    def add(self, guess: "Guess") -> None:
        """Adds the words of a guess, as if `hear` had heard them just now."""
        self._heard = guess.language
        if guess.text:
            self._texts.append(guess.text)
            self._words += guess.words

    def with_guess(self, guess: "Guess | None") -> tuple[str, list[Word]]:
        """Returns the text and the words so far, and those of a guess behind them."""
        if guess is None or not guess.text:
            return self.text, self._words
        return self._joined([*self._texts, guess.text]), [*self._words, *guess.words]

    def guess(self, piece: Piece, begun: "Guess | None" = None, is_unwanted: Callable[[], bool] = never) -> "Guess":
        """Returns the words of the next piece without adding them: it may still become longer.

        Args:
            piece: what is heard.
            begun: the words with which it begins, if they are known. Only the last of them are heard again, with what
                follows, unless that shows that they were not said.
            is_unwanted: asked before each of the longer steps whether to give up.

        Raises:
            Interrupted: it became unwanted.
        """
        before, self._is_unwanted = self._heard, is_unwanted
        try:
            words = None if begun is None else self._words_behind(piece, begun)
            if words is None:
                self._heard = before
                words = self._words_of(piece, self._joined(self._texts[-1:]))
        finally:
            after, self._heard, self._is_unwanted = self._heard, before, never
        words = without_loops(words)
        text = "".join(word["word"] for word in words).strip()
        if not any(character.isalnum() for character in text):
            return Guess("", [], after)
        return Guess(text, [{**word, "word": spelled} for word in words if (spelled := word["word"].strip())], after)

    def _words_behind(self, piece: Piece, begun: "Guess") -> list[Word] | None:
        """Returns all words of a piece by hearing what follows those that are known; None if that does not fit them."""
        if len(begun.words) < OVERLAP:
            return None
        rest = piece.behind(begun.words[-OVERLAP]["start"])
        if piece.seconds - rest.seconds < WORTH_SECONDS:
            return None
        known, _ = begun.split(len(begun.words) - OVERLAP)
        self._heard = begun.language
        words = self._words_of(rest, self._joined([*self._texts[-1:], known.text]))
        names, known_names = ([bare(word["word"]) for word in each] for each in (words, begun.words[-OVERLAP:]))
        for at in range(1, OVERLAP + 1):
            if names[at : at + 1] == known_names[-1:] and not set(known_names[:-1]).isdisjoint(names[:at]):
                # The last known word as it is now: what follows may have changed the mark behind it.
                return [*begun.spelled(self._blank)[:-1], *words[at:]]
        return None

    def _words_of(self, piece: Piece, before: str) -> list[Word]:
        """Returns the words of a piece, with the blanks before them; `before` is the text before it."""
        timed = self._listen(piece.samples, before)
        for _ in range(MAX_ROUNDS):
            # The model may stop before the end, for instance where somebody says the same thing twice.
            ended = float(timed[-1]["end"]) if timed else piece.seconds
            left = piece.samples[int(ended * RATE) :]
            if spoken_seconds(left) < MIN_LEFT_SECONDS:
                break
            more = self._listen(left, before)
            if not more:
                break
            timed += [{**each, "start": each["start"] + ended, "end": each["end"] + ended} for each in more]
        return [_word(piece, each) for each in timed]

    @property
    def _language(self) -> str | None:
        return self._forced or self._heard.language

    def _code(self, language: str | None) -> str | None:
        if not self._model.model.is_multilingual:
            if language is not None and languages.primary(language) != "en":
                raise LanguageNotKnown("The local recogniser only understands English.")
            return "en"
        if language is None:
            return None
        code = languages.whisper_code(language)
        if code not in self._known:
            raise LanguageNotKnown(f"The local recogniser does not know the language {language}.")
        return code

    def _listen(self, samples: Samples, text: str) -> list[dict[str, Any]]:
        """Returns the words of at most 30 s as faster-whisper gives them, with times counted from the first sample."""
        before, frames = self._heard, self._encoded_frames(len(samples) / RATE)
        encoded = self._encode(samples, frames)
        words = self._listen_to(encoded, samples, text, BEAMS)
        if encoded.is_padded or not _says_end_twice(words):
            return words
        # Among several beams, saying all of it twice has the higher mean; one beam ends where the speech does.
        self._heard = before
        words = self._listen_to(encoded, samples, text, 1)
        if not _says_end_twice(words):
            return words
        self._heard = before
        return self._listen_to(self._encode(samples, self._most_frames), samples, text, BEAMS)

    def _encode(self, samples: Samples, frames: int) -> "Encoded":
        self._go_on()
        features = self._model.feature_extractor(samples)
        encoded = self._model.encode(pad_or_trim(features, frames))
        return Encoded(encoded, features.shape[-1] - 1, frames == self._most_frames)

    def _listen_to(self, encoded: "Encoded", samples: Samples, text: str, beams: int) -> list[dict[str, Any]]:
        seconds = len(samples) / RATE
        detection = self._heard
        if self._forced is None and not detection.settled:
            likely = self._model.model.detect_language(encoded.features)[0]
            detection = detection.after({token[2:-2]: probability for token, probability in likely}, seconds)
        multilingual = self._model.model.is_multilingual
        language = self._forced or detection.language
        tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
        tokens = self._decode(encoded, tokenizer, seconds, self._before(tokenizer, text), beams)
        if not tokens:
            return []
        self._go_on()
        self._heard = detection  # noise without words says nothing about the language
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": seconds, "tokens": tokens}
        timed = [[segment]]
        self._model.add_word_timestamps(timed, tokenizer, encoded.features, encoded.frames, OPENING, CLOSING, 0.0)
        return list(segment.get("words") or [])

    def _encoded_frames(self, seconds: float) -> int:
        """Returns how many frames to encode.

        A whole recording's pieces are padded to what Whisper was trained with. Those of one that is being made are many
        and short, and encoding takes as long as what is encoded. Of some that end within a word Whisper then says the
        end twice; see `_listen`.
        """
        most = self._most_frames
        return min(most, int((seconds + SPARE_SECONDS) * FRAMES_A_SECOND)) if self._is_live else most

    @property
    def _most_frames(self) -> int:
        return int(self._model.feature_extractor.nb_max_frames)

    def _before(self, tokenizer: Tokenizer, text: str) -> list[int]:
        """Returns the beginning of the sentence within which the next piece of a recording that is being made begins.

        No more than that: after a whole sentence Whisper would leave it out if it was said once more.
        """
        begun = text if self._is_live else ""
        while (end := max(map(begun.rfind, SENTENCE_ENDS))) >= 0:
            begun = begun[end + 1 :]
        begun = begun.strip()[-CONTEXT_CHARACTERS:]
        return list(tokenizer.encode(" " + begun)) if any(map(str.isalnum, begun)) else []

    def _decode(
        self, encoded: "Encoded", tokenizer: Tokenizer, seconds: float, before: list[int], beams: int
    ) -> list[int]:
        prompt = self._model.get_prompt(tokenizer, before, without_timestamps=True)
        max_tokens = min(self._model.max_length - len(prompt), MIN_TOKENS + int(TOKENS_A_SECOND * seconds))
        options = _options(tokenizer, max_tokens, beams, self._temperatures())
        if not encoded.is_padded:  # what repeats itself then is tried otherwise, see `_listen`
            options.compression_ratio_threshold = None
        found = self._model.generate_with_fallback(encoded.features, prompt, tokenizer, options)
        result, log_probability, _, _ = found
        if log_probability < MIN_LOG_PROBABILITY and result.no_speech_prob > MAX_NO_SPEECH:
            return []
        return [token for token in result.sequences_ids[0] if token < tokenizer.eot]

    def _temperatures(self) -> Iterator[float]:
        """Yields them, as long as the words are wanted: each may take as long as all before."""
        for temperature in TEMPERATURES:
            self._go_on()
            yield temperature

    def _go_on(self) -> None:
        if self._is_unwanted():
            raise Interrupted


def _says_end_twice(words: Sequence[dict[str, Any]]) -> bool:
    return ends_twice([str(each["word"]) for each in words])


def _word(piece: Piece, timed: dict[str, Any]) -> Word:
    """Returns a word with its times in the recording; it keeps the blank before it."""
    start, end = piece.time(float(timed["start"])), piece.time(float(timed["end"]))
    return Word(
        word=timed["word"],
        start=round(start, 3),
        end=round(max(start, end), 3),
        confidence=round(float(timed["probability"]), 4),
    )


def _options(tokenizer: Tokenizer, max_tokens: int, beams: int, temperatures: Iterator[float]) -> Any:
    return TranscriptionOptions(
        beam_size=beams,
        best_of=1,
        patience=1,
        length_penalty=1,
        repetition_penalty=1,
        no_repeat_ngram_size=0,
        log_prob_threshold=MIN_LOG_PROBABILITY,
        no_speech_threshold=MAX_NO_SPEECH,
        compression_ratio_threshold=MAX_COMPRESSION_RATIO,
        condition_on_previous_text=False,
        prompt_reset_on_temperature=0.5,
        temperatures=temperatures,
        initial_prompt=None,
        prefix=None,
        suppress_blank=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        without_timestamps=True,
        max_initial_timestamp=0.0,
        word_timestamps=True,
        prepend_punctuations="",
        append_punctuations="",
        multilingual=False,
        max_new_tokens=max_tokens,
        clip_timestamps=[],
        hallucination_silence_threshold=None,
        hotwords=None,
    )
