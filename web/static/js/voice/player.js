// The one player for all recordings: what starts stops what was playing.

import { emit } from "../base/events.js";
import { say } from "../base/sentences.js";
import { SPEED } from "../base/stored.js";
import { listen } from "../dom/elements.js";
import { bytesOf } from "./waveform.js";

/** @import { RecordingSource } from "../page.js" */

/**
 * @typedef {object} PlayerState
 * @property {string | null} key the recording's, null while there is none
 * @property {boolean} playing
 * @property {boolean} loading
 * @property {number} time seconds, as is `duration`
 * @property {number} duration
 * @property {string} error
 */

const SPEEDS = [1, 1.5, 2];
const FAR = 1e7; // seconds; seeking there makes a browser find the end of a recording that does not state its length
const PATIENCE = 10_000; // milliseconds for each step of loading
const AT_END = 0.05; // seconds from the end at which playing begins anew

/** @type {Readonly<PlayerState>} */
const IDLE = { key: null, playing: false, loading: false, time: 0, duration: 0, error: "" };

const audio = new Audio();
/** @type {PlayerState} */
const state = { ...IDLE };
let speed = Number(localStorage.getItem(SPEED)) || 1;
/** @type {RecordingSource | null} what is loaded */
let loaded = null;
let url = "";
let frame = 0;
/** Seconds at which it stops; only a stretch was asked for. */
let until = Infinity;
/** @type {Promise<void>} */
let loading = Promise.resolve();

export const playbackSpeed = () => speed;

/**
 * What the player does with a recording: nothing, unless it is the one that is loaded.
 * @param {RecordingSource} source
 * @returns {Readonly<PlayerState>}
 */
export const stateOf = ({ key }) => (state.key === key ? state : IDLE);

/** @param {Partial<PlayerState>} fields */
function update(fields) {
	Object.assign(state, fields);
	if (state.key !== null) emit("player", state.key);
}

/**
 * Returns whether the recording can be played; another may have been chosen while it was loading.
 * @param {RecordingSource} source
 */
async function isReady(source) {
	const isLoaded = state.key === source.key && !state.error;
	if (!isLoaded) loading = load(source);
	await loading;
	return state.key === source.key && !state.error;
}

/** @param {RecordingSource} source */
async function load(source) {
	stop();
	loaded = source;
	update({ key: source.key, loading: true });
	const outcome = await prepare(source).then(
		() => ({ duration: audio.duration }),
		() => ({ error: say("player.broken") }),
	);
	if (state.key === source.key) update({ ...outcome, loading: false });
}

/** @param {RecordingSource} source */
async function prepare(source) {
	const bytes = await mended(await bytesOf(source));
	if (state.key !== source.key) return;
	URL.revokeObjectURL(url);
	url = URL.createObjectURL(bytes);
	audio.src = url;
	await untilEvent("loadedmetadata");
	await findDuration();
	audio.playbackRate = speed;
}

/**
 * The recording as any browser can play it from anywhere. What that needs is loaded with the first recording that plays;
 * where it cannot be, the recording is taken as it is.
 * @param {Blob} recording
 */
async function mended(recording) {
	const webm = recording.type.includes("webm") && (await import("./webm.js").catch(() => null));
	if (!webm) return recording;
	return new Blob([webm.mend(new Uint8Array(await recording.arrayBuffer()))], { type: recording.type });
}

async function findDuration() {
	if (Number.isFinite(audio.duration)) return;
	audio.currentTime = FAR;
	while (!Number.isFinite(audio.duration)) await untilEvent("durationchange");
	audio.currentTime = 0;
	await untilEvent("seeked");
}

/** @param {string} name */
function untilEvent(name) {
	return new Promise((resolve, reject) => {
		listen(audio, name, resolve, { once: true });
		listen(audio, "error", reject, { once: true });
		setTimeout(reject, PATIENCE);
	});
}

/**
 * @param {RecordingSource} source
 * @param {number | null} [from] seconds; without it, where it was left
 */
export async function play(source, from = null) {
	until = Infinity;
	if (!(await isReady(source))) return;
	if (from !== null) moveTo(from);
	else if (state.time >= state.duration - AT_END) moveTo(0);
	await audio.play().catch(() => {}); // a browser may want a click first
}

/**
 * @param {RecordingSource} source
 * @param {number} from seconds
 * @param {number} to seconds
 */
export async function playStretch(source, from, to) {
	await play(source, from);
	until = to;
}

export const pause = () => audio.pause();

/**
 * @param {RecordingSource} source
 * @param {number | null} [from] seconds, where it does not play; without it, where it was left
 */
export function toggle(source, from = null) {
	// Also what has been told to play and is not heard yet; `state.playing` comes a moment later.
	if (state.key === source.key && !audio.paused) pause();
	else play(source, from);
}

/**
 * @param {RecordingSource} source
 * @param {number} second
 */
export async function seek(source, second) {
	if (await isReady(source)) moveTo(second);
}

/** @param {number} second */
function moveTo(second) {
	audio.currentTime = Math.max(0, Math.min(second, state.duration));
	update({ time: audio.currentTime });
}

export function nextSpeed() {
	speed = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
	audio.playbackRate = speed;
	localStorage.setItem(SPEED, String(speed));
	emit("speed", speed);
}

/**
 * What the player has in hand, wherever it was begun.
 * @returns {{ source: RecordingSource | null, state: Readonly<PlayerState> }}
 */
export const current = () => ({ source: loaded, state });

export function toggleCurrent() {
	if (loaded) toggle(loaded);
}

/** @param {number} seconds on, or back where it is less than 0 */
export function skip(seconds) {
	if (loaded && !state.loading) moveTo(state.time + seconds);
}

/** Stops whatever plays. */
export function stop() {
	const stopped = state.key;
	audio.pause();
	Object.assign(state, IDLE);
	loaded = null;
	if (stopped !== null) emit("player", stopped);
}

/**
 * Stops a recording that goes away, if it is the one that plays.
 * @param {string} key
 */
export function stopRecording(key) {
	if (state.key === key) stop();
}

/** Follows the time while a recording plays; the audio element's own events come four times a second. */
function followTime() {
	update({ time: audio.currentTime });
	if (audio.currentTime >= until) pause();
	frame = requestAnimationFrame(followTime);
}

listen(audio, "playing pause ended", ({ type }) => {
	cancelAnimationFrame(frame);
	if (!state.key || state.loading) return;
	update({ playing: type === "playing", time: audio.currentTime });
	if (state.playing) followTime();
	if (type === "ended") emit("played", state.key);
});
