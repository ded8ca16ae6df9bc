// What is said in a line about a person or a message.

import { dayMonth, daysAgo, time } from "./format.js";

/** @import { Message, Person } from "../wire.js" */

/** @param {Person} person */
export function lastSeen({ online, lastSeen: seen }) {
	if (online) return "online";
	if (!seen) return "offline";
	return `last seen ${daysAgo(seen) ? dayMonth(seen) : `at ${time(seen)}`}`;
}

/**
 * @param {Message} message
 * @param {boolean} [mine]
 */
export function summary({ deletedAt, text, audioFileId, status }, mine = false) {
	if (deletedAt) return "Message deleted";
	const voice = status === "transcribing" ? "Voice message, transcribing …" : "Voice message";
	return (mine ? "You: " : "") + (text || (audioFileId ? voice : ""));
}
