// One recording from the microphone, without anything to see.

import { say } from "../base/sentences.js";
import { loudness } from "./waveform.js";

/** @import { Key } from "../base/sentences.js" */

const BITS = 32_000; // a second
const CHUNK = 300; // milliseconds; each goes to the server at once, so that words are seen soon
const TYPES = ["audio/webm;codecs=opus"]; // rather than others, since such a recording can be gone on with later
/** @type {Map<string, Key>} why there is no microphone, by the name of the error */
const REASONS = new Map([
	["NotAllowedError", "record.notAllowed"],
	["NotFoundError", "record.notFound"],
	["NotReadableError", "record.notReadable"],
]);
/** @type {MediaTrackConstraints} */
const CONSTRAINTS = { channelCount: 1, noiseSuppression: true };

/** @typedef {(piece: Blob, seconds: number) => void} OnPiece is given each piece as it is made, and the second of its end */

/** A page that is left while it records asks first. */
const askBeforeLeaving = (/** @type {Event} */ event) => event.preventDefault();

/**
 * Why the microphone could not be opened, and what one can do instead.
 * @param {Error} error
 */
export function whyRefused({ name }) {
	const why = isSecureContext ? (REASONS.get(name) ?? "record.otherwise") : "record.insecure";
	return `${say(why)} ${say("record.attachInstead")}`;
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
	for (const track of stream.getTracks()) track.stop();
}

export class Microphone {
	/** @type {Promise<void> | null} */
	#finished = null;
	#recorded = 0; // milliseconds, before it went on last
	/** @type {number | null} */
	#since = null; // when it began or went on, on the page's clock

	/**
	 * Asks for the microphone and begins to record.
	 * @param {OnPiece} onPiece
	 * @throws {DOMException} named as in `REASONS` when the browser does not give it
	 * @throws {TypeError} on a page that did not come by https
	 */
	static async open(onPiece) {
		const stream = await navigator.mediaDevices.getUserMedia({ audio: CONSTRAINTS });
		try {
			return new Microphone(stream, onPiece);
		} catch (error) {
			stopTracks(stream);
			throw error;
		}
	}

	/**
	 * @param {MediaStream} stream
	 * @param {OnPiece} onPiece
	 */
	constructor(stream, onPiece) {
		this.stream = stream;
		const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
		this.recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS, ...(mimeType && { mimeType }) });
		this.recorder.ondataavailable = ({ data }) => onPiece(data, this.seconds);
		this.recorder.start(CHUNK);
		this.#goOn();
		this.context = new AudioContext();
		this.context.resume().catch(() => {}); // Safari may begin it suspended, after the question for the microphone
		this.analyser = this.context.createAnalyser();
		this.context.createMediaStreamSource(stream).connect(this.analyser);
		this.samples = new Float32Array(this.analyser.fftSize);
		window.addEventListener("beforeunload", askBeforeLeaving);
	}

	/** How long it is. The context's own clock would stand still where nothing can play sound. */
	get seconds() {
		return this.#milliseconds / 1_000;
	}

	get #milliseconds() {
		return this.#recorded + (this.#since === null ? 0 : performance.now() - this.#since);
	}

	#goOn() {
		this.#since = performance.now();
	}

	get isRecording() {
		return this.recorder.state === "recording";
	}

	/** How loud it is just now, 0 to 1. */
	get level() {
		this.analyser.getFloatTimeDomainData(this.samples);
		return loudness(this.samples);
	}

	pause() {
		this.#recorded = this.#milliseconds;
		this.#since = null;
		this.recorder.pause();
		this.context.suspend();
	}

	resume() {
		this.#goOn();
		this.recorder.resume();
		this.context.resume();
	}

	/** Stops; all pieces have come when that is done. */
	finish() {
		this.#finished ??= this.#stop();
		return this.#finished;
	}

	async #stop() {
		const stopped = new Promise((resolve) => {
			this.recorder.onstop = resolve;
		});
		this.recorder.stop();
		await stopped;
		this.release();
	}

	/** Gives the microphone back. */
	release() {
		if (this.recorder.state !== "inactive") this.recorder.stop();
		stopTracks(this.stream);
		this.context.close().catch(() => {}); // it is closed already
		window.removeEventListener("beforeunload", askBeforeLeaving);
	}
}
