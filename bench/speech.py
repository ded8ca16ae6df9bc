"""How well and how fast each Whisper model here understands people, each in a process of its own.

`python -m bench speech` runs it. `python -m bench.speech MODEL [FOLDER]` prints one model's figures as JSON, by the
recordings of any folder with a `texts.tsv`.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.rows import Row, progress
from bench.words import words, wrong
from chat.audio.decoding import RATE, speech
from chat.voice.recognisers import Recording
from chat.voice.recognisers.whisper import Whisper
from config.settings import Settings
from dev import whisper_model

RECORDINGS = Path(__file__).parent / "recordings"
TEXTS = "texts.tsv"
READ = "austen"  # the recordings of somebody who reads well, close to the microphone
MAX_WRONG = 4.0  # percent of the words of read English, for the model that is the default
LENGTHS = (5, 60, 600)  # seconds
NOISE_DB = 10.0  # how much louder the voice is than the noise
ECHO_SECONDS = 0.6  # until an echo has died away by 60 dB, as in a bare room
ECHO_SHARE = 0.8  # of what is heard from across that room
MODEL_SECONDS = 540

Samples = npt.NDArray[np.float32]


def recognisers(scale: float) -> list[Row]:
    """Words wrong, CPU, memory and waiting for each Whisper model that is here"""
    rows: list[Row] = []
    for name in whisper_model.MODELS:
        try:
            folder = whisper_model.folder(name)
        except whisper_model.ModelError as error:
            rows.append(Row(f"{name}: words wrong", f"not measured: {error}"))
            continue
        progress(f"model {name}")
        command = [sys.executable, "-m", "bench.speech", str(folder), "--scale", str(scale)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=MODEL_SECONDS, check=True)
        rows += _rows(name, json.loads(ran.stdout))
    return rows


def _rows(name: str, found: dict[str, Any]) -> list[Row]:
    rows = []
    for condition, (bad, said) in found["wrong"].items():
        percent = 100 * bad / max(1, said)
        target = name == "base" and condition == READ
        rows.append(
            Row(
                f"{name}: words wrong, {condition}",
                f"{percent:.1f} % ({bad} of {said})",
                f"at most {MAX_WRONG:g} %" if target else "",
                percent <= MAX_WRONG if target else None,
            )
        )
    rows.append(Row(f"{name}: CPU for a second of speech, short recordings", f"{found['cpu']:.2f} s"))
    rows.append(Row(f"{name}: memory of the process", f"{found['megabytes']} MB"))
    for seconds, wait, used in found["waits"]:
        rows.append(Row(f"{name}: until the words of {seconds} s are there", f"{wait:.1f} s ({used:.1f} s of CPU)"))
    return rows


def measure(folder: str, recordings: Path, scale: float) -> dict[str, Any]:
    settings = Settings(
        _env_file=None,
        environment="test",
        secret_key="only this process knows it, and does not use it",
        whisper_model=folder,
    )
    whisper = Whisper(settings)
    whisper.prepare()
    samples, texts = _read(recordings)
    conditions = {
        "in noise": lambda voice: _in_noise(voice, NOISE_DB),
        "across a room": _across_a_room,
    }
    found: dict[str, list[int]] = {}
    began, heard = time.process_time(), 0.0
    for name, voice in samples.items():
        heard += len(voice) / RATE
        _add(found, _group(name), texts[name], whisper, voice)
    cpu = (time.process_time() - began) / heard
    for condition, change in conditions.items():
        for name, voice in samples.items():
            if _group(name) == READ or recordings != RECORDINGS:
                _add(found, f"{_group(name)} {condition}", texts[name], whisper, change(voice))
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 1_000_000  # before our own long arrays
    waits = []
    together = np.concatenate([part for voice in samples.values() for part in (voice, np.zeros(RATE // 2, np.float32))])
    for seconds in LENGTHS:
        if seconds <= 60 or scale >= 1:
            long = np.resize(together, seconds * RATE)
            at, used = time.monotonic(), time.process_time()
            whisper.transcribe(Recording(_wav(long), "audio/wav"))
            waits.append((seconds, time.monotonic() - at, time.process_time() - used))
    return {"wrong": found, "cpu": cpu, "megabytes": megabytes, "waits": waits}


def _read(folder: Path) -> tuple[dict[str, Samples], dict[str, str]]:
    lines = (folder / TEXTS).read_text().splitlines()
    texts = dict(line.split("\t", 1) for line in lines if "\t" in line)
    files = {file.stem: file for file in folder.iterdir()}
    samples = {name: np.frombuffer(b"".join(speech(files[name].read_bytes(), 600)), np.int16) for name in texts}
    return {name: each.astype(np.float32) / np.float32(32768) for name, each in samples.items()}, texts


def _group(name: str) -> str:
    """Recordings are named for whoever speaks, then by number."""
    return name.rpartition("-")[0] or name


def _add(found: dict[str, list[int]], condition: str, said: str, whisper: Whisper, voice: Samples) -> None:
    heard = whisper.transcribe(Recording(_wav(voice), "audio/wav")).text
    counted = found.setdefault(condition, [0, 0])
    counted[0] += wrong(words(said), words(heard))
    counted[1] += len(words(said))


def _wav(samples: Samples) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes())
    return buffer.getvalue()


def _in_noise(voice: Samples, decibels: float) -> Samples:
    """With pink noise, as many people or a fan make it."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(len(voice)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(voice))
    loudness = np.sqrt(np.square(voice).mean() / np.square(noise).mean()) / 10 ** (decibels / 20)
    mixed: Samples = (voice + loudness * noise).astype(np.float32)
    return mixed


def _across_a_room(voice: Samples) -> Samples:
    """As a microphone hears it that is metres away: quieter, and mostly as an echo."""
    time_ = np.arange(int(ECHO_SECONDS * RATE)) / RATE
    echo = np.random.default_rng(1).standard_normal(len(time_)) * 10 ** (-3 * time_ / ECHO_SECONDS)
    echo *= ECHO_SHARE / np.sqrt(np.square(echo).sum())
    echo[0] += 1 - ECHO_SHARE
    size = len(voice) + len(echo)
    heard = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(echo, size), size)[: len(voice)]
    return (0.3 * heard / max(float(np.abs(heard).max()), 1e-9)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("recordings", type=Path, nargs="?", default=RECORDINGS)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    out, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr  # what logs is no JSON
    json.dump(measure(options.model, options.recordings, options.scale), out)


if __name__ == "__main__":
    main()
