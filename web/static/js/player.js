// Recordings: their bytes, their waveforms, measured one at a time, and the one player for all of them.

import { api } from "./api.js";
import { emit } from "./bus.js";
import { listen } from "./dom.js";

export const BARS = 48;
const RATE = 8_000; // samples a second: enough for a picture, a sixth of the memory
const SPEEDS = [1, 1.5, 2];
const SPEED_KEY = "chattergram.speed";
const FAR = 1e7; // seconds; seeking there makes a browser find the end of a recording without a length
const PATIENCE = 10_000;

const audio = new Audio();
const IDLE = { key: null, playing: false, loading: false, time: 0, duration: 0, error: "" };
export const player = { ...IDLE, speed: Number(localStorage[SPEED_KEY]) || 1 };
let url, frame, loading;
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

export const isPlaying = ({ key }) => player.key === key && player.playing;

function update(fields) {
	Object.assign(player, fields);
	emit("player", player.key);
}

function load(source) {
	if (player.key === source.key && !player.error) return loading;
	stop();
	update({ key: source.key, loading: true });
	loading = prepare(source).then(
		() => ({ duration: audio.duration }),
		() => ({ error: "This cannot be played just now" }),
	).then((outcome) => player.key === source.key && update({ ...outcome, loading: false }));
	return loading;
}

async function prepare(source) {
	const blob = await blobOf(source);
	if (player.key !== source.key) return;
	URL.revokeObjectURL(url);
	audio.src = url = URL.createObjectURL(blob);
	await happens("loadedmetadata");
	if (!Number.isFinite(audio.duration)) {
		audio.currentTime = FAR;
		while (!Number.isFinite(audio.duration)) await happens("durationchange");
		audio.currentTime = 0;
		await happens("seeked");
	}
	audio.playbackRate = player.speed;
}

function happens(name) {
	return new Promise((resolve, reject) => {
		listen(audio, name, resolve, { once: true });
		listen(audio, "error", reject, { once: true });
		setTimeout(reject, PATIENCE);
	});
}

const ready = async (source) => (await load(source), player.key === source.key && !player.error);

export async function play(source, at) {
	if (!(await ready(source))) return;
	if (at !== undefined) move(at);
	else if (player.time >= player.duration - 0.05) move(0);
	await audio.play().catch(() => {});
}

export const pause = () => audio.pause();

export function toggle(source) {
	if (isPlaying(source)) pause();
	else play(source);
}

export async function seek(source, at) {
	if (await ready(source)) move(at);
}

function move(at) {
	audio.currentTime = Math.max(0, Math.min(at, player.duration));
	update({ time: audio.currentTime });
}

export function nextSpeed() {
	player.speed = SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length];
	localStorage[SPEED_KEY] = audio.playbackRate = player.speed;
	emit("player");
}

export function stop(key = player.key) {
	if (player.key !== key) return;
	audio.pause();
	Object.assign(player, IDLE);
	emit("player", key);
}

function tick() {
	update({ time: audio.currentTime });
	frame = requestAnimationFrame(tick);
}

listen(audio, "playing pause ended", ({ type }) => {
	cancelAnimationFrame(frame);
	if (!player.key || player.loading) return;
	update({ playing: type === "playing", time: audio.currentTime });
	if (player.playing) tick();
});
