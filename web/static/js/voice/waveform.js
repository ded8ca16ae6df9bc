// The loudness of recordings, as the bars that are drawn for them. They are decoded here, one at a time.

import { fetchRecording } from "../net/api.js";

/** @import { RecordingSource } from "../page.js" */

/**
 * @typedef {object} Waveform
 * @property {number[]} bars 0 to 1
 * @property {number} duration seconds
 */

const BARS = 48;
const RATE = 8_000; // samples a second: enough for a picture, with a sixth of the memory
const SILENCE = 0.01; // a recording nowhere louder than this is drawn as quiet as it is
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
export async function bytesOf({ uuid, blob }) {
	return blob ?? fetchRecording(uuid ?? "");
}

/** @param {RecordingSource} source */
export const knownWaveform = ({ key }) => known.get(key) ?? null;

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
	const levels = pieces.map(loudness);
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
