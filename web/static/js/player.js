// The one player: a single recording sounds at a time, whether or not its message is in view.

import { blobOf } from "./audio-data.js";
import { emit } from "./bus.js";

const SPEEDS = [1, 1.5, 2];
const SPEED_KEY = "chattergram.speed";
const FAR = 1e7; // seconds; seeking there makes a browser find the end of a recording without a length

const audio = new Audio();
audio.preload = "auto";
const stored = Number(localStorage.getItem(SPEED_KEY));
export const player = { key: null, source: null, playing: false, loading: false, time: 0, duration: 0, error: "" };
player.speed = SPEEDS.includes(stored) ? stored : 1;
let url = null;
let ticking = 0;
let loading = null;

export const isPlaying = (source) => player.key === source.key && player.playing;

function changed() {
  emit("player", player.key);
}

async function load(source) {
  if (player.key === source.key && !player.error) return loading;
  audio.pause();
  const before = player.key;
  Object.assign(player, { key: source.key, source, playing: false, loading: true, time: 0, duration: 0, error: "" });
  emit("player", before);
  changed();
  loading = fetchInto(source);
  return loading;
}

async function fetchInto(source) {
  try {
    const blob = await blobOf(source);
    if (player.key !== source.key) return;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(blob);
    audio.src = url;
    await metadata();
    player.duration = audio.duration;
    audio.playbackRate = player.speed;
  } catch {
    if (player.key === source.key) player.error = "This recording cannot be played just now.";
  } finally {
    if (player.key === source.key) player.loading = false;
    changed();
  }
}

/** What MediaRecorder makes says no length; seeking far behind its end tells it. */
async function metadata() {
  await event("loadedmetadata");
  if (Number.isFinite(audio.duration)) return;
  audio.currentTime = FAR;
  await event("durationchange", () => Number.isFinite(audio.duration));
  audio.currentTime = 0;
  await event("seeked");
}

function event(name, holds = () => true) {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => finish(reject), 10_000);
    const finish = (settle) => {
      clearTimeout(limit);
      audio.removeEventListener(name, happened);
      audio.removeEventListener("error", failed);
      settle();
    };
    const happened = () => holds() && finish(resolve);
    const failed = () => finish(reject);
    audio.addEventListener(name, happened);
    audio.addEventListener("error", failed);
  });
}

/** Plays, from `at` seconds where given. */
export async function play(source, at = null) {
  await load(source);
  if (player.key !== source.key || player.error) return;
  if (at !== null) setTime(at);
  else if (player.time >= player.duration - 0.05) setTime(0);
  await audio.play().catch(() => {});
}

export function pause() {
  audio.pause();
}

export function toggle(source) {
  if (isPlaying(source)) pause();
  else void play(source);
}

/** Moves to `at` seconds; goes on playing if it plays. */
export async function seek(source, at) {
  await load(source);
  if (player.key === source.key && !player.error) setTime(at);
}

function setTime(at) {
  player.time = Math.max(0, Math.min(at, player.duration || at));
  audio.currentTime = player.time;
  changed();
}

export function nextSpeed() {
  player.speed = SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length];
  localStorage.setItem(SPEED_KEY, String(player.speed));
  audio.playbackRate = player.speed;
  emit("speed");
}

/** Silence, and nothing loaded: a recording was deleted, a draft thrown away, somebody signed out. */
export function stop(key = player.key) {
  if (player.key !== key) return;
  audio.pause();
  audio.removeAttribute("src");
  Object.assign(player, { key: null, source: null, playing: false, time: 0, duration: 0 });
  emit("player", key);
}

function tick() {
  player.time = audio.currentTime;
  changed();
  ticking = requestAnimationFrame(tick);
}

function setPlaying(value) {
  if (player.loading || !player.key) return;
  cancelAnimationFrame(ticking);
  player.playing = value;
  player.time = audio.currentTime;
  if (value) tick();
  else changed();
}

audio.addEventListener("playing", () => setPlaying(true));
audio.addEventListener("pause", () => setPlaying(false));
audio.addEventListener("ended", () => {
  setPlaying(false);
  emit("played", player.source);
});
