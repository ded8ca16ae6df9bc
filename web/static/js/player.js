// The one player: a single recording sounds at a time, whether or not its message is in view.

import { blobOf } from "./audio.js";
import { emit } from "./bus.js";
import { listen } from "./dom.js";

const SPEEDS = [1, 1.5, 2];
const SPEED_KEY = "chattergram.speed";
const FAR = 1e7; // seconds; seeking there makes a browser find the end of a recording without a length
const PATIENCE = 10_000; // milliseconds

const audio = new Audio();
const IDLE = { key: null, playing: false, loading: false, time: 0, duration: 0, error: "" };
export const player = { ...IDLE, speed: Number(localStorage[SPEED_KEY]) || 1 };
let url, frame, loading;

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
	emit("player"); // of whichever recording
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
