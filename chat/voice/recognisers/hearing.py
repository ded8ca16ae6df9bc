"""What Whisper hears in one recording, piece by piece.

Each piece is bounded: it is encoded once, decoded at most `len(TEMPERATURES)` times, and each decoding has a limit of
tokens. What sounds like speech to the detector and to Whisper like nothing is dropped; loops are cut.
"""

from collections.abc import Sequence
from typing import Any

from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from chat.voice.recognisers import languages
from chat.voice.recognisers.loops import without_loops
from chat.voice.recognisers.pieces import Piece
from chat.voice.recognisers.protocol import Transcript, TranscriptionRefused
from chat.wire import Word

TEMPERATURES = (0.0, 0.4, 0.8)  # the first is exact; the others are tried when that loops or is very unsure
BEAMS = 5  # as OpenAI's own
COMPRESSION_MOST = 2.4  # of text, by zlib: more repeats itself (OpenAI's own threshold)
LOG_PROBABILITY_LEAST = -1.0  # mean of the tokens': less is a guess (OpenAI's own threshold)
NO_SPEECH_MOST = 0.6  # how likely silence is, for what is also a guess to count as silence (OpenAI's own threshold)
TOKENS_A_SECOND = 25  # nobody speaks faster, in any script
TOKENS_LEAST = 24
SPACELESS = ("zh", "ja", "yue")  # written without spaces, even between sentences
# Marks that belong to the next word, and to the last one (faster-whisper's own defaults)
OPENING, CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


class Hearing:
    """One recording, as it is heard piece by piece."""

    def __init__(self, model: WhisperModel, language: str | None, hints: Sequence[str]) -> None:
        self._model = model
        self._known = set(model.supported_languages)
        self._hints = [code for code in map(languages.whisper_code, hints) if code in self._known]
        self._language = self._forced(language)
        self._tokenizer: Tokenizer | None = None
        self._words: list[Word] = []
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        return ("" if self._language in SPACELESS else " ").join(self._texts)

    def transcript(self) -> Transcript:
        sure = [word["confidence"] for word in self._words if word["confidence"] is not None]
        return Transcript(
            text=self.text,
            confidence=round(sum(sure) / len(sure), 4) if sure else None,
            language=languages.standard_tag(self._language) if self._language and self._words else None,
            words=self._words,
        )

    def hear(self, piece: Piece) -> None:
        """Add what is said in the next piece."""
        features = self._model.feature_extractor(piece.samples)
        frames = features.shape[-1] - 1
        encoded = self._model.encode(pad_or_trim(features))
        tokenizer = self._tokenizer or self._begin(encoded)
        tokens = self._decode(encoded, tokenizer, piece.seconds)
        if not tokens:
            return
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": piece.seconds, "tokens": tokens}
        self._model.add_word_timestamps([[segment]], tokenizer, encoded, frames, OPENING, CLOSING, 0.0)
        words = without_loops([_word(piece, timed) for timed in segment.get("words") or []])
        text = "".join(word["word"] for word in words).strip()
        if any(character.isalnum() for character in text):
            self._texts.append(text)
            self._words += [{**word, "word": spelled} for word in words if (spelled := word["word"].strip())]

    def _forced(self, language: str | None) -> str | None:
        if not self._model.model.is_multilingual:
            if language is not None and languages.primary(language) != "en":
                raise TranscriptionRefused("The local recogniser has a model for English alone.")
            return "en"
        if language is None:
            return None
        code = languages.whisper_code(language)
        if code not in self._known:
            raise TranscriptionRefused(f"The local recogniser does not know the language {language}.")
        return code

    def _begin(self, encoded: Any) -> Tokenizer:
        """Settle the language, by the first half minute in which somebody speaks."""
        if self._language is None:
            heard = {token[2:-2]: probability for token, probability in self._model.model.detect_language(encoded)[0]}
            self._language = languages.likeliest(heard, self._hints)
        multilingual = self._model.model.is_multilingual
        self._tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=self._language)
        return self._tokenizer

    def _decode(self, encoded: Any, tokenizer: Tokenizer, seconds: float) -> list[int]:
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True)
        most = min(self._model.max_length - len(prompt), TOKENS_LEAST + int(TOKENS_A_SECOND * seconds))
        options = _options(tokenizer, most)
        result, log_probability, _, _ = self._model.generate_with_fallback(encoded, prompt, tokenizer, options)
        if log_probability < LOG_PROBABILITY_LEAST and result.no_speech_prob > NO_SPEECH_MOST:
            return []
        return [token for token in result.sequences_ids[0] if token < tokenizer.eot]


def _word(piece: Piece, timed: dict[str, Any]) -> Word:
    """A word with its times in the recording; it still has the blank before it."""
    start, end = piece.time(float(timed["start"])), piece.time(float(timed["end"]))
    return Word(
        word=timed["word"],
        start=round(start, 3),
        end=round(max(start, end), 3),
        confidence=round(float(timed["probability"]), 4),
    )


def _options(tokenizer: Tokenizer, most_tokens: int) -> Any:
    return TranscriptionOptions(
        beam_size=BEAMS,
        best_of=1,
        patience=1,
        length_penalty=1,
        repetition_penalty=1,
        no_repeat_ngram_size=0,
        log_prob_threshold=LOG_PROBABILITY_LEAST,
        no_speech_threshold=NO_SPEECH_MOST,
        compression_ratio_threshold=COMPRESSION_MOST,
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
        max_new_tokens=most_tokens,
        clip_timestamps=[],
        hallucination_silence_threshold=None,
        hotwords=None,
    )
