// What is said in a line about a person or a message.

import { dayMonth, daysAgo, time } from "./format.js";
import { say } from "./sentences.js";

/** @import { Message, Person } from "../wire.js" */

/** @param {Person} person */
export function lastSeen({ online, lastSeen: seen }) {
	if (online) return say("person.online");
	if (!seen) return say("person.offline");
	if (daysAgo(seen)) return say("person.lastSeenOn", { date: dayMonth(seen) });
	return say("person.lastSeenAt", { time: time(seen) });
}

/** @param {Message} message */
export function summary({ deletedAt, text, audioFileId, status }) {
	if (deletedAt) return say("message.deleted");
	const voice = say(status === "transcribing" ? "message.voiceTranscribing" : "message.voice");
	return text || (audioFileId ? voice : "");
}
