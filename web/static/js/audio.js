// Recordings' bytes, which the browser's cache keeps, and their waveforms, which are measured one at a time.

import { api } from "./api.js";

export const BARS = 48;
const RATE = 8_000; // samples a second: enough for a picture, a sixth of the memory

const peaks = new Map();
let queue = Promise.resolve();

/** The bytes of `source`: `{key, uuid}`, or `{key, blob}` of a recording that is not sent yet. */
export const blobOf = async ({ uuid, blob }) => blob ?? api.audio(uuid);

export const knownPeaks = ({ key }) => peaks.get(key);

/** `{bars (0 to 1), duration (seconds)}`. */
export async function peaksOf(source) {
	const blob = await blobOf(source);
	const job = queue.then(() => measure(blob));
	queue = job.catch(() => {});
	peaks.set(source.key, await job);
	return job;
}

async function measure(blob) {
	const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
	const samples = sound.getChannelData(0);
	const width = Math.max(1, Math.floor(samples.length / BARS));
	const bars = Array.from({ length: BARS }, (_, bar) => loudness(samples.subarray(bar * width, (bar + 1) * width)));
	const loudest = Math.max(...bars, 0.01);
	return { bars: bars.map((bar) => (bar / loudest) ** 0.7), duration: sound.duration };
}

export const loudness = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
