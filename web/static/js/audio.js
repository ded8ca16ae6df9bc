// Recordings' bytes and waveforms: fetched once, within bounds, when they come into view.

import { api } from "./api.js";
import * as database from "./database.js";

const BLOBS = 24; // recordings kept in memory
const BARS = 60;
const RATE = 8_000; // samples a second: enough for a picture, a sixth of the memory

const blobs = new Map(); // uuid -> promise of a blob, least recently used first
const peaks = new Map();
let queue = Promise.resolve();

/** The bytes of `source`: `{key, uuid}`, or `{key, blob}` of a recording that is not sent yet. */
export function blobOf({ uuid, blob }) {
	if (blob) return Promise.resolve(blob);
	const found = blobs.get(uuid) ?? api.audio(uuid);
	blobs.delete(uuid);
	blobs.set(uuid, found);
	found.catch(() => blobs.delete(uuid));
	if (blobs.size > BLOBS) blobs.delete(blobs.keys().next().value);
	return found;
}

export const knownPeaks = ({ key }) => peaks.get(key);

/** `{bars (0 to 1), duration (seconds)}`, one recording at a time; undefined if no longer `wanted()` by then. */
export function peaksOf(source, wanted) {
	const job = queue.then(async () => {
		if (!wanted()) return undefined;
		const { key, uuid } = source;
		const kept = uuid && (peaks.get(key) ?? (await database.get("peaks", uuid).catch(() => null)));
		const found = kept || (await measure(await blobOf(source)));
		peaks.set(key, found);
		if (uuid && !kept) database.keepPeaks({ id: uuid, ...found }).catch(() => {});
		return found;
	});
	queue = job.catch(() => {});
	return job;
}

async function measure(blob) {
	const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
	const samples = sound.getChannelData(0);
	const width = Math.max(1, Math.floor(samples.length / BARS));
	const bars = Array.from({ length: BARS }, (_, bar) => {
		const part = samples.subarray(bar * width, (bar + 1) * width);
		return Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / width);
	});
	const loudest = Math.max(...bars, 0.01);
	return { bars: bars.map((bar) => (bar / loudest) ** 0.7), duration: sound.duration };
}
