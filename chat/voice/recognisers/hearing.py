"""Transcribes one recording with Whisper, piece by piece.

The work per piece is bounded: one round, or up to `MAX_ROUNDS` where the model stops early. A round encodes the piece
once and decodes it at most `len(TEMPERATURES)` times, each with a limit on tokens. What the detector takes for speech
but Whisper does not is dropped, and loops are cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from chat.audio.heard import Heard, text_of
from chat.voice.recognisers import languages
from chat.voice.recognisers.agreement import SENTENCE_ENDS
from chat.voice.recognisers.loops import ends_twice, without_loops
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
        return Guess(text, first, self.language), Guess(self.text[len(text) :].strip(), rest, self.language)


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
        self._words: list[Word] = begun.words[: begun.settled] if begun else []
        self._texts: list[str] = [begun.settled_text] if begun and begun.settled_text else []

    @property
    def text(self) -> str:
        return self._joined(self._texts)

    def _joined(self, texts: Sequence[str]) -> str:
        return ("" if self._language in SPACELESS else " ").join(texts)

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

    def guess(self, piece: Piece) -> "Guess":
        """Returns the words of the next piece without adding them: it may still become longer."""
        before = self._heard
        words = self._words_of(piece)
        after, self._heard = self._heard, before
        text = "".join(word["word"] for word in words).strip()
        if not any(character.isalnum() for character in text):
            return Guess("", [], after)
        return Guess(text, [{**word, "word": spelled} for word in words if (spelled := word["word"].strip())], after)

    def _words_of(self, piece: Piece) -> list[Word]:
        timed = self._listen(piece.samples)
        for _ in range(MAX_ROUNDS):
            # The model may stop before the end, for instance where somebody says the same thing twice.
            ended = float(timed[-1]["end"]) if timed else piece.seconds
            left = piece.samples[int(ended * RATE) :]
            if spoken_seconds(left) < MIN_LEFT_SECONDS:
                break
            more = self._listen(left)
            if not more:
                break
            timed += [{**each, "start": each["start"] + ended, "end": each["end"] + ended} for each in more]
        return without_loops([_word(piece, each) for each in timed])

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

    def _listen(self, samples: Samples) -> list[dict[str, Any]]:
        """Returns the words of at most 30 s as faster-whisper gives them, with times counted from the first sample."""
        before, frames = self._heard, self._encoded_frames(len(samples) / RATE)
        words = self._listen_once(samples, frames)
        if frames == self._most_frames or not ends_twice([str(each["word"]) for each in words]):
            return words
        self._heard = before
        return self._listen_once(samples, self._most_frames)

    def _listen_once(self, samples: Samples, encoded_frames: int) -> list[dict[str, Any]]:
        seconds = len(samples) / RATE
        features = self._model.feature_extractor(samples)
        encoded = self._model.encode(pad_or_trim(features, encoded_frames))
        detection = self._heard
        if self._forced is None and not detection.settled:
            found = {token[2:-2]: probability for token, probability in self._model.model.detect_language(encoded)[0]}
            detection = detection.after(found, seconds)
        multilingual = self._model.model.is_multilingual
        language = self._forced or detection.language
        tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
        tokens = self._decode(encoded, tokenizer, seconds)
        if not tokens:
            return []
        self._heard = detection  # noise without words says nothing about the language
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": seconds, "tokens": tokens}
        frames = features.shape[-1] - 1
        self._model.add_word_timestamps([[segment]], tokenizer, encoded, frames, OPENING, CLOSING, 0.0)
        return list(segment.get("words") or [])

    def _encoded_frames(self, seconds: float) -> int:
        """Returns how many frames to encode.

        A whole recording's pieces are padded to what Whisper was trained with. Those of one that is being made are many
        and short, and encoding takes as long as what is encoded. Of some that end within a word Whisper then says the
        end twice; they are heard once more, padded.
        """
        most = self._most_frames
        return min(most, int((seconds + SPARE_SECONDS) * FRAMES_A_SECOND)) if self._is_live else most

    @property
    def _most_frames(self) -> int:
        return int(self._model.feature_extractor.nb_max_frames)

    def _before(self, tokenizer: Tokenizer) -> list[int]:
        """Returns the beginning of the sentence within which the next piece of a recording that is being made begins.

        No more than that: after a whole sentence Whisper would leave it out if it was said once more.
        """
        begun = self._texts[-1] if self._is_live and self._texts else ""
        while (end := max(map(begun.rfind, SENTENCE_ENDS))) >= 0:
            begun = begun[end + 1 :]
        begun = begun.strip()[-CONTEXT_CHARACTERS:]
        return tokenizer.encode(" " + begun) if any(map(str.isalnum, begun)) else []

    def _decode(self, encoded: Any, tokenizer: Tokenizer, seconds: float) -> list[int]:
        prompt = self._model.get_prompt(tokenizer, self._before(tokenizer), without_timestamps=True)
        max_tokens = min(self._model.max_length - len(prompt), MIN_TOKENS + int(TOKENS_A_SECOND * seconds))
        options = _options(tokenizer, max_tokens)
        result, log_probability, _, _ = self._model.generate_with_fallback(encoded, prompt, tokenizer, options)
        if log_probability < MIN_LOG_PROBABILITY and result.no_speech_prob > MAX_NO_SPEECH:
            return []
        return [token for token in result.sequences_ids[0] if token < tokenizer.eot]


def _word(piece: Piece, timed: dict[str, Any]) -> Word:
    """Returns a word with its times in the recording; it keeps the blank before it."""
    start, end = piece.time(float(timed["start"])), piece.time(float(timed["end"]))
    return Word(
        word=timed["word"],
        start=round(start, 3),
        end=round(max(start, end), 3),
        confidence=round(float(timed["probability"]), 4),
    )


def _options(tokenizer: Tokenizer, max_tokens: int) -> Any:
    return TranscriptionOptions(
        beam_size=BEAMS,
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
        temperatures=list(TEMPERATURES),
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
