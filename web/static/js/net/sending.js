// Sends messages over the socket, which costs the server half of what a call does, and by a call where that fails.

import { on } from "../base/events.js";
import { postMessage } from "./api.js";
import { ApiError } from "./errors.js";
import { isConnected, send } from "./socket.js";

/** @import { Message, Outgoing, Refused, Sent } from "../wire.js" */

const TIMEOUT = 5_000; // milliseconds until a call is tried instead

/** @typedef {Sent | Refused | null} Reply null when there is none */

/** @type {Map<string, (reply: Reply) => void>} by `clientId` */
const awaited = new Map();

/** Follows what the socket replies. */
export function startSending() {
	on("frame:sent", settle);
	on("frame:refused", settle);
	on("connection", (isOpen) => {
		if (!isOpen) for (const clientId of awaited.keys()) settleWith(clientId, null);
	});
}

/**
 * The same `clientId` again gives the same message, so it may be sent both ways.
 * @param {Outgoing} message
 * @returns {Promise<Message>}
 * @throws {ApiError} when the server has not taken it
 */
export async function sendMessage(message) {
	const reply = await sendOverSocket(message);
	if (reply && "_id" in reply) return reply;
	if (reply) {
		const error = new ApiError(reply.status, reply, reply.retryAfter);
		if (error.isTransient) throw error;
	}
	return postMessage(message); // which also says why in the language of the page: a socket has that of the browser
}

/**
 * @param {Outgoing} message
 * @returns {Promise<Reply>}
 */
function sendOverSocket(message) {
	if (!isConnected() || !send({ type: "send", ...message })) return Promise.resolve(null);
	return new Promise((resolve) => {
		const timer = setTimeout(() => settleWith(message.clientId, null), TIMEOUT);
		awaited.set(message.clientId, (reply) => {
			clearTimeout(timer);
			resolve(reply);
		});
	});
}

/** @param {Sent | Refused} reply */
const settle = (reply) => settleWith(reply.clientId ?? "", reply);

/**
 * @param {string} clientId
 * @param {Reply} reply
 */
function settleWith(clientId, reply) {
	awaited.get(clientId)?.(reply);
	awaited.delete(clientId);
}
