// The loudness of recordings, as the bars that are drawn for them. They are decoded here, one at a time.

import { fetchFile } from "../net/http.js";
import { fetchHeard } from "../state/heard.js";

/** @import { RecordingSource } from "../page.js" */

/**
 * @typedef {object} Waveform
 * @property {number[]} bars 0 to 1
 * @property {number} duration seconds
 */

const BARS = 48;
const RATE = 8_000; // samples a second: enough for a picture, with a sixth of the memory
const SILENCE = 0.01; // a recording nowhere louder than this is drawn as quiet as it is
const LOUDEST_PEAK = 255;
const MAX_KNOWN = 500; // waveforms measured here that are kept
const CURVE = 0.7; // lifts quiet speech, which would hardly show

/** @type {Waveform} */
export const FLAT = { bars: Array(BARS).fill(0), duration: 0 };

/** @type {Map<string, Waveform>} by the recording's key */
const known = new Map();
/** @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * The bytes of a recording.
 * @param {RecordingSource} source
 * @returns {Promise<Blob>}
 */
export async function bytesOf({ uuid, blob, url }) {
	if (url) return fetchFile(url);
	return blob ?? fetchHeard(uuid ?? "");
}

/**
 * What is known without its audio: the server has measured what it keeps.
 * @param {RecordingSource} source
 * @returns {Waveform | null}
 */
export function knownWaveform({ key, peaks, duration = 0 }) {
	if (peaks?.length) return { bars: barsOfPeaks(peaks), duration };
	return known.get(key) ?? null;
}

/**
 * @param {RecordingSource} source
 * @throws {DOMException} when the browser cannot decode it
 */
export async function measureWaveform(source) {
	const bytes = await bytesOf(source);
	const job = queue.then(() => decode(bytes));
	queue = job.catch(() => {});
	const waveform = await job;
	known.set(source.key, waveform);
	for (const key of known.keys()) if (known.size > MAX_KNOWN) known.delete(key); // the oldest first
	return waveform;
}

/**
 * @param {Blob} bytes
 * @returns {Promise<Waveform>}
 */
async function decode(bytes) {
	const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await bytes.arrayBuffer());
	return { bars: barsOf(sound.getChannelData(0)), duration: sound.duration };
}

/** @param {Float32Array} samples */
export function barsOf(samples) {
	const width = Math.max(1, Math.floor(samples.length / BARS));
	const pieces = Array.from({ length: BARS }, (_, bar) => samples.subarray(bar * width, (bar + 1) * width));
	return shapeOf(pieces.map(loudness));
}

/**
 * The bars of the loudness that the server has measured.
 * @param {number[]} peaks 0 to 255
 */
export function barsOfPeaks(peaks) {
	const width = peaks.length / BARS;
	const levels = Array.from({ length: BARS }, (_, bar) => {
		const piece = peaks.slice(Math.floor(bar * width), Math.max(1, Math.ceil((bar + 1) * width)));
		return piece.reduce((sum, peak) => sum + peak, 0) / (piece.length * LOUDEST_PEAK);
	});
	return shapeOf(levels);
}

/** @param {number[]} levels 0 to 1 */
function shapeOf(levels) {
	const loudest = Math.max(...levels, SILENCE);
	return levels.map((level) => (level / loudest) ** CURVE);
}

/**
 * The root mean square of samples, 0 to 1.
 * @param {Float32Array} samples
 */
export function loudness(samples) {
	return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}
