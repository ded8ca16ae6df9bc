// Recording from the microphone.

const FORMATS = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const BITS_PER_SECOND = 32_000;
const SLICE_MS = 1_000;
export const LONGEST = 590; // seconds; the server takes 600

const REFUSALS = {
  NotAllowedError:
    "Chattergram may not use the microphone. Allow it in the address bar's site settings, then try again. You can also attach a recording as a file.",
  NotFoundError: "No microphone was found. Connect one and try again, or attach a recording as a file.",
  NotReadableError: "Another program is using the microphone. Close it there and try again.",
};

/** Why recording does not work, in words a person can act upon. */
export function refusal(error) {
  if (!window.isSecureContext) {
    return "Browsers give the microphone only to pages served by https. You can attach a recording as a file.";
  }
  return REFUSALS[error?.name] ?? "The microphone could not be started. You can attach a recording as a file.";
}

export class Recorder {
  /** `onLevel(level 0 to 1, seconds)` is called while it records; `onLimit()` when it is as long as may be. */
  constructor(onLevel, onLimit) {
    Object.assign(this, { onLevel, onLimit });
    this.chunks = [];
    this.elapsed = 0;
    this.since = null;
    this.cancelled = false;
  }

  /** Throws the error of `getUserMedia` where there is no microphone, or none is allowed. */
  async start() {
    const constraints = { audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } };
    this.stream = await navigator.mediaDevices.getUserMedia(constraints);
    if (this.cancelled) {
      this.#release();
      return;
    }
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    this.media = new MediaRecorder(this.stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.media.addEventListener("dataavailable", ({ data }) => data.size && this.chunks.push(data));
    this.media.start(SLICE_MS);
    this.since = performance.now();
    this.#meter();
  }

  get seconds() {
    return (this.elapsed + (this.since === null ? 0 : performance.now() - this.since)) / 1_000;
  }

  get paused() {
    return this.media?.state === "paused";
  }

  togglePause() {
    if (this.paused) {
      this.media.resume();
      this.since = performance.now();
    } else if (this.media?.state === "recording") {
      this.media.pause();
      this.elapsed += performance.now() - this.since;
      this.since = null;
    }
  }

  /** Ends the recording; answers `{blob, name, seconds}`. */
  async finish() {
    const { seconds } = this;
    if (this.media.state !== "inactive") {
      const stopped = new Promise((resolve) => this.media.addEventListener("stop", resolve, { once: true }));
      this.media.stop();
      await stopped;
    }
    this.#release();
    const type = this.media.mimeType || "audio/webm";
    const ending = type.includes("ogg") ? "ogg" : type.includes("mp4") ? "m4a" : "webm";
    return { blob: new Blob(this.chunks, { type }), name: `voice.${ending}`, seconds };
  }

  cancel() {
    this.cancelled = true;
    if (this.media && this.media.state !== "inactive") this.media.stop();
    this.#release();
  }

  #meter() {
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1_024;
    this.context.createMediaStreamSource(this.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      this.onLevel(this.paused ? 0 : Math.min(1, Math.sqrt(power) * 5), this.seconds);
      if (this.seconds >= LONGEST) this.onLimit();
    }, 60);
  }

  #release() {
    clearInterval(this.timer);
    this.stream?.getTracks().forEach((track) => track.stop());
    void this.context?.close().catch(() => {});
    this.context = null;
  }
}
