// The socket: comes back by itself, and fetches what it missed.

import { emit } from "./bus.js";
import { FIRST_ID } from "./history.js";
import { session, signedOut } from "./session.js";

const HEARTBEAT = 25_000;
const ANSWER = 10_000;
const LEAST_PAUSE = 500;
const MOST_PAUSE = 30_000;
const VOID_TOKEN = 4401;

let socket, lastSeen, answered, reconnect, heartbeat, deadline;
let attempts = 0;
let connected = false;

export const isConnected = () => connected;

/** `seen` is the newest message known; the server sends what came after it. */
export function start(seen) {
	lastSeen = seen ?? FIRST_ID;
	open();
}

export function seen(id) {
	if (id > lastSeen) lastSeen = id;
}

export function send(value) {
	const ready = socket?.readyState === WebSocket.OPEN;
	if (ready) socket.send(typeof value === "string" ? value : JSON.stringify(value));
	return ready;
}

function open() {
	drop();
	if (!session.token) return;
	const opened = new WebSocket(`${location.origin.replace("http", "ws")}/ws/`);
	socket = opened;
	const lost = ({ code }) => socket === opened && close(code);
	deadline = setTimeout(lost, ANSWER, {});
	opened.onclose = lost;
	opened.onopen = () => {
		send(session.token); // proves who we are
		probe(); // and its answer, that we are heard
		heartbeat = setInterval(() => send(session.token), HEARTBEAT);
	};
	opened.onmessage = ({ data }) => socket === opened && receive(data);
}

function probe() {
	clearTimeout(deadline);
	send({ type: "resume", after: lastSeen });
	deadline = setTimeout(close, ANSWER);
}

function receive(text) {
	const at = text.indexOf("---");
	const channel = text.slice(0, at).replace("application:", "");
	const data = JSON.parse(text.slice(at + 3));
	if (channel === "messages") lastSeen = data._id;
	if (channel === "resume") {
		clearTimeout(deadline);
		attempts = 0;
		setConnected(true);
		data.complete ||= answered === lastSeen; // this socket has brought what came since it was asked before
		answered = lastSeen;
	}
	emit(`frame:${channel}`, data);
}

function close(code) {
	drop();
	if (code === VOID_TOKEN) return signedOut("Please log in again.");
	const pause = Math.min(MOST_PAUSE, LEAST_PAUSE * 2 ** attempts) * (0.5 + Math.random());
	attempts += 1;
	reconnect = setTimeout(open, pause);
}

function drop() {
	clearTimeout(reconnect);
	clearTimeout(deadline);
	clearInterval(heartbeat);
	const dropped = socket;
	socket = answered = null;
	dropped?.close();
	setConnected(false);
}

function setConnected(value) {
	if (connected === value) return;
	connected = value;
	emit("connection", value);
}

/** Tries at once, or makes sure that an open socket still answers. */
export function wake() {
	if (!lastSeen) return;
	if (socket?.readyState === WebSocket.OPEN) probe();
	else if (socket?.readyState !== WebSocket.CONNECTING) open();
}

window.addEventListener("online", wake);
window.addEventListener("offline", () => socket && close());
document.addEventListener("visibilitychange", () => document.hidden || wake());
