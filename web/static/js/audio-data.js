// Recordings' bytes and waveforms. Fetched once, kept within bounds, drawn when they come into view.

import { api } from "./api.js";
import * as database from "./database.js";

const BLOBS_BYTES = 40 * 2 ** 20;
const BARS = 72;
const DECODE_RATE = 8_000; // samples a second: enough for a picture, a sixth of the memory

const blobs = new Map(); // uuid -> promise of a blob, least recently used first
const peaks = new Map(); // uuid -> {bars, duration}
let queue = Promise.resolve();

/** The recording `source` (`{uuid}`, or `{blob}` of one that is not sent yet) as a blob. */
export function blobOf(source) {
  if (source.blob) return Promise.resolve(source.blob);
  let found = blobs.get(source.uuid);
  blobs.delete(source.uuid);
  found ??= api.audio(source.uuid);
  found.catch(() => blobs.delete(source.uuid));
  blobs.set(source.uuid, found);
  found.then(trim, () => {});
  return found;
}

async function trim() {
  let bytes = 0;
  for (const [uuid, promised] of [...blobs].reverse()) {
    bytes += (await promised.catch(() => null))?.size ?? 0;
    if (bytes > BLOBS_BYTES && blobs.size > 1) blobs.delete(uuid);
  }
}

export const knownPeaks = (source) => peaks.get(source.key);

/** `{bars (0 to 1), duration (seconds)}`; one at a time, as decoding is work. `wanted` may drop out of the line. */
export function peaksOf(source, wanted = () => true) {
  if (peaks.has(source.key)) return Promise.resolve(peaks.get(source.key));
  const job = queue.then(async () => {
    if (peaks.has(source.key)) return peaks.get(source.key);
    if (!wanted()) return null;
    const kept = source.uuid ? await database.get("peaks", source.uuid).catch(() => null) : null;
    const found = kept ?? (await measure(await blobOf(source)));
    peaks.set(source.key, found);
    if (source.uuid && !kept) {
      await database.put("peaks", { id: source.uuid, ...found }).catch(() => {});
      void database.trimPeaks().catch(() => {});
    }
    return found;
  });
  queue = job.catch(() => {});
  return job;
}

async function measure(blob) {
  const context = new OfflineAudioContext(1, 1, DECODE_RATE);
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  const samples = sound.getChannelData(0);
  const width = Math.max(1, Math.floor(samples.length / BARS));
  const bars = Array.from({ length: BARS }, (_, bar) => {
    let sum = 0;
    for (let index = bar * width; index < Math.min((bar + 1) * width, samples.length); index += 1) {
      sum += samples[index] ** 2;
    }
    return Math.sqrt(sum / width);
  });
  const loudest = Math.max(...bars, 0.01);
  return { bars: bars.map((bar) => Math.round((bar / loudest) ** 0.7 * 100) / 100), duration: sound.duration };
}
