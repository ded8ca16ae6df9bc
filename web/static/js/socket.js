// The socket: comes back by itself, and fetches what it missed.

import { emit } from "./bus.js";
import { session, signedOut } from "./session.js";

const HEARTBEAT_MS = 25_000;
const ANSWER_MS = 10_000;
const BACKOFF_MS = [500, 30_000];
const NOTHING_SEEN = "0".repeat(26);
const VOID_TOKEN = 4401;

let socket = null;
let lastSeen = null;
let attempts = 0;
let reconnect, heartbeat, deadline;
export let connected = false;

/** Begin; `seen` is the newest message known, from which the server fills up. */
export function start(seen) {
  lastSeen = seen ?? NOTHING_SEEN;
  attempts = 0;
  open();
}

export function stop() {
  clearTimeout(reconnect);
  drop();
}

export function send(value) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(typeof value === "string" ? value : JSON.stringify(value));
  return true;
}

function open() {
  clearTimeout(reconnect);
  drop();
  if (!session.token) return;
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`);
  socket = opened;
  const mine = (listener) => (event) => socket === opened && listener(event);
  opened.addEventListener("open", mine(resume));
  opened.addEventListener("message", mine(({ data }) => receive(data)));
  opened.addEventListener("close", mine(({ code }) => closed(code)));
  deadline = setTimeout(mine(() => closed(0)), ANSWER_MS);
}

/** The first frame proves who we are; the answer to the second, that we are heard. */
function resume() {
  send(session.token);
  probe();
  clearInterval(heartbeat);
  heartbeat = setInterval(() => send(session.token), HEARTBEAT_MS);
}

function probe() {
  clearTimeout(deadline);
  send({ type: "resume", after: lastSeen });
  deadline = setTimeout(() => closed(0), ANSWER_MS);
}

function receive(text) {
  const at = text.indexOf("---");
  if (at < 0) return;
  const channel = text.slice(0, at).replace("application:", "");
  const data = JSON.parse(text.slice(at + 3));
  if (channel === "messages") lastSeen = data._id;
  if (channel === "resume") {
    clearTimeout(deadline);
    const again = !connected;
    attempts = 0;
    setConnected(true);
    emit("resumed", { complete: data.complete, again });
  } else emit(`frame:${channel}`, data);
}

function closed(code) {
  drop();
  if (code === VOID_TOKEN) {
    signedOut("Please log in again.");
    return;
  }
  const [least, most] = BACKOFF_MS;
  const pause = Math.min(most, least * 2 ** attempts) * (0.5 + Math.random());
  attempts = Math.min(attempts + 1, 10);
  reconnect = setTimeout(open, pause);
}

function drop() {
  clearTimeout(deadline);
  clearInterval(heartbeat);
  const dropped = socket;
  socket = null;
  dropped?.close();
  setConnected(false);
}

function setConnected(value) {
  if (connected === value) return;
  connected = value;
  emit("connection", value);
}

/** Try at once, or make sure that an open socket still answers. */
export function wake() {
  if (!session.token) return;
  if (socket?.readyState === WebSocket.OPEN) probe();
  else if (socket?.readyState !== WebSocket.CONNECTING) open();
}

window.addEventListener("online", wake);
window.addEventListener("offline", () => socket && closed(0));
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && socket && wake());
