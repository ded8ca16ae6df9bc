// One recording from the microphone, without anything to see.

import { newId } from "../base/ids.js";
import { loudness } from "./waveform.js";

/** @import { RecordingSource } from "../page.js" */

const BITS = 32_000; // a second
const CHUNK = 1_000; // milliseconds
/** @type {MediaTrackConstraints} */
const CONSTRAINTS = { channelCount: 1, noiseSuppression: true };

/** @typedef {(piece: { index: number, blob: Blob, seconds: number }) => void} OnPiece is given each second as it is made */
/** @typedef {RecordingSource & { blob: Blob, duration: number }} MadeRecording */

/** A page that is left while it records asks first. */
const askBeforeLeaving = (/** @type {Event} */ event) => event.preventDefault();

/** @param {MediaStream} stream */
function stopTracks(stream) {
	for (const track of stream.getTracks()) track.stop();
}

export class Microphone {
	/** @type {Blob[]} */
	#chunks = [];
	/** @type {Promise<MadeRecording> | null} */
	#finished = null;

	/**
	 * Asks for the microphone and begins to record.
	 * @param {OnPiece} onPiece
	 * @throws {DOMException} named as in the template `recording` when the browser does not give it
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
		this.recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS });
		this.recorder.ondataavailable = ({ data }) => {
			this.#chunks.push(data);
			onPiece({ index: this.#chunks.length, blob: data, seconds: this.seconds });
		};
		this.recorder.start(CHUNK);
		this.context = new AudioContext();
		this.analyser = this.context.createAnalyser();
		this.context.createMediaStreamSource(stream).connect(this.analyser);
		this.samples = new Float32Array(this.analyser.fftSize);
		window.addEventListener("beforeunload", askBeforeLeaving);
	}

	/** How long it is; the context's clock stands still in a pause. */
	get seconds() {
		return this.context.currentTime;
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
		this.recorder.pause();
		this.context.suspend();
	}

	resume() {
		this.recorder.resume();
		this.context.resume();
	}

	/** Stops, and returns the recording. */
	finish() {
		this.#finished ??= this.#stop();
		return this.#finished;
	}

	/** @returns {Promise<MadeRecording>} */
	async #stop() {
		const stopped = new Promise((resolve) => {
			this.recorder.onstop = resolve;
		});
		this.recorder.stop();
		await stopped;
		const blob = new Blob(this.#chunks, { type: this.recorder.mimeType });
		const duration = this.seconds;
		this.release();
		return { blob, key: newId(), duration };
	}

	/** Gives the microphone back. */
	release() {
		if (this.recorder.state !== "inactive") this.recorder.stop();
		stopTracks(this.stream);
		this.context.close().catch(() => {}); // it is closed already
		window.removeEventListener("beforeunload", askBeforeLeaving);
	}
}
