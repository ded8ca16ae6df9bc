// What the timeline shows, from a history and from what waits in the outbox.

import { dayKey } from "./format.js";
import { session } from "./session.js";
import { matcher } from "./transcript.js";

const GROUP = 5 * 60_000; // milliseconds between messages of a group
const RECENT = 200; // what still waits in the outbox may be among these already

/** Own messages keep the key they had in the outbox, so that their rows stay when the server has them. */
export function keyOf({ _id, clientId, senderId }) {
	return clientId && senderId === session.me._id ? `own-${clientId}` : _id;
}

function markOf({ _id, error, status }, readUpTo) {
	if (!_id) return error ? "refused" : "waiting";
	if (status === "read" || (_id <= readUpTo && status !== "accepted")) return "read";
	return status === "delivered" || status === "untranscribed" ? "delivered" : "accepted";
}

function together(one, other) {
	if (one?.senderId !== other?.senderId) return false;
	return new Date(other.dateSent) - new Date(one.dateSent) < GROUP && dayKey(one.dateSent) === dayKey(other.dateSent);
}

/** `hit` is the message a search led to, `unreadFrom` the key of the first unread one. */
export function itemsOf({ history, pending, partner, unreadFrom, hit }) {
	const sent = new Set(history.messages.slice(-RECENT).map(({ clientId }) => clientId));
	const waiting = pending
		.filter(({ clientId }) => !sent.has(clientId))
		.map((item) => ({ ...item, senderId: item.userId, dateSent: new Date(item.createdAt).toISOString() }));
	const messages = [...history.messages, ...waiting];
	const today = dayKey(Date.now());
	return messages.map((message, index) => {
		const before = messages[index - 1];
		const newDay = before ? dayKey(before.dateSent) !== dayKey(message.dateSent) : history.atStart || !message._id;
		const flash = hit?.id === message._id && Boolean(hit);
		const item = {
			key: keyOf(message),
			message,
			partner,
			mine: message.senderId === session.me._id,
			newDay,
			startsGroup: !before || !together(before, message),
			endsGroup: !messages[index + 1] || !together(message, messages[index + 1]),
			newFrom: keyOf(message) === unreadFrom,
			mark: markOf(message, history.readUpTo),
			flash,
			hit: flash && hit.query ? matcher(hit.query) : null,
		};
		const state = message.version ?? `${message.error}${message.progress === undefined}`;
		item.signature = [state, newDay, item.startsGroup, item.endsGroup, item.newFrom, item.mark, flash && hit.query, today].join();
		return item;
	});
}
