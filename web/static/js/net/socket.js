// The socket: comes back by itself, and fetches what it missed.

import { BASE } from "../base/addresses.js";
import { backoff } from "../base/backoff.js";
import { emit } from "../base/events.js";
import { FIRST_ID } from "../base/ids.js";
import { say } from "../base/sentences.js";
import { parseFrame } from "./frames.js";
import { session, signOut } from "./session.js";

/** @import { Events } from "../page.js" */
/** @import { Request } from "../wire.js" */

const HEARTBEAT = 25_000; // milliseconds, as are the next two
const RESPONSE_TIMEOUT = 10_000;
const PAUSE = { min: 500, max: 30_000 };
const VOID_TOKEN = 4401; // the server's close code for a token that is refused

/** @typedef {ReturnType<typeof setTimeout>} Timer */

/** @type {WebSocket | null} */
let socket = null;
let lastSeen = ""; // the newest message known, "" before `connect`
/** @type {string | null} what `lastSeen` was when this socket's latest `resume` was done */
let resumedAt = null;
/** @type {Timer | null} */
let reconnectTimer = null;
/** @type {Timer | null} */
let heartbeatTimer = null;
/** @type {Timer | null} */
let deadline = null;
let attempts = 0;
let connected = false;

export const isConnected = () => connected;

/**
 * Opens the socket; the server sends what came after this message.
 * @param {string} [newest] the newest message known
 */
export function connect(newest = FIRST_ID) {
	lastSeen = newest;
	open();
}

/**
 * What comes up to this message need not be sent again.
 * @param {string} [id]
 */
export function noteSeen(id = "") {
	if (id > lastSeen) lastSeen = id;
}

/**
 * Returns whether it was sent: not while there is no connection.
 * @param {Request} value
 */
export const send = (value) => sendText(JSON.stringify(value));

/** @param {string} text */
function sendText(text) {
	if (socket?.readyState !== WebSocket.OPEN) return false;
	socket.send(text);
	return true;
}

/** The server takes the token as plain text, and as a heartbeat. */
const sendToken = () => sendText(session.token ?? "");

function open() {
	drop();
	if (!session.token) return;
	const opened = new WebSocket(`${location.origin.replace("http", "ws")}${BASE}/ws/`);
	const lost = (code = 0) => {
		if (socket === opened) close(code);
	};
	socket = opened;
	deadline = setTimeout(lost, RESPONSE_TIMEOUT);
	opened.onclose = ({ code }) => lost(code);
	opened.onopen = () => {
		sendToken(); // proves who we are
		probe(); // and its response, that we are heard
		heartbeatTimer = setInterval(sendToken, HEARTBEAT);
	};
	opened.onmessage = ({ data }) => {
		if (socket === opened) receive(data);
	};
}

/** Asks for what was missed, which also shows whether the server still responds. */
function probe() {
	stopTimer(deadline);
	send({ type: "resume", after: lastSeen });
	deadline = setTimeout(close, RESPONSE_TIMEOUT);
}

/** @param {string} text */
function receive(text) {
	const { channel, data } = parseFrame(text);
	if (channel === "messages") lastSeen = data._id;
	if (channel === "resume") {
		stopTimer(deadline);
		attempts = 0;
		setConnected(true);
		// What came since this socket was last asked, it has brought itself.
		data.complete ||= resumedAt === lastSeen;
		resumedAt = lastSeen;
	}
	emit(/** @type {keyof Events} */ (`frame:${channel}`), data);
}

/** @param {number} [code] */
function close(code = 0) {
	drop();
	if (code === VOID_TOKEN) {
		signOut(say("account.logInAgain"));
		return;
	}
	reconnectTimer = setTimeout(open, backoff(attempts, PAUSE));
	attempts += 1;
}

function drop() {
	stopTimer(reconnectTimer);
	stopTimer(deadline);
	stopTimer(heartbeatTimer);
	const dropped = socket;
	socket = null;
	resumedAt = null;
	dropped?.close();
	setConnected(false);
}

/** @param {Timer | null} timer */
function stopTimer(timer) {
	if (timer !== null) clearTimeout(timer); // ends intervals too
}

/** @param {boolean} value */
function setConnected(value) {
	if (connected === value) return;
	connected = value;
	emit("connection", value);
}

/** Tries at once, or makes sure that an open socket still responds. */
export function wake() {
	if (!lastSeen) return;
	if (socket?.readyState === WebSocket.OPEN) probe();
	else if (socket?.readyState !== WebSocket.CONNECTING) open();
}

/** Follows the browser's network, and wakes when the page is looked at again. */
export function startSocket() {
	window.addEventListener("online", wake);
	window.addEventListener("offline", () => {
		if (socket) close();
	});
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden) wake();
	});
}
