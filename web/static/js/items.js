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
	if (!one || one.senderId !== other?.senderId) return false;
	return new Date(other.dateSent) - new Date(one.dateSent) < GROUP && dayKey(one.dateSent) === dayKey(other.dateSent);
}

/** `hit` is the message a search led to, `unreadFrom` the key of the first unread one. */
export function itemsOf({ history, pending, partner, unreadFrom, hit }) {
	const sent = history.messages.slice(-RECENT).map(({ clientId }) => clientId);
	const waiting = pending
		.filter(({ clientId }) => !sent.includes(clientId))
		.map((item) => ({ ...item, senderId: item.userId, dateSent: new Date(item.createdAt).toISOString() }));
	const messages = [...history.messages, ...waiting];
	const today = dayKey(Date.now());
	return messages.map((message, index) => {
		const before = messages[index - 1];
		const key = keyOf(message);
		const newDay = before ? dayKey(before.dateSent) !== dayKey(message.dateSent) : history.atStart || !message._id;
		const flash = Boolean(hit && hit.id === message._id);
		const shown = {
			newDay,
			flash,
			startsGroup: !together(before, message),
			endsGroup: !together(message, messages[index + 1]),
			newFrom: key === unreadFrom,
			mark: markOf(message, history.readUpTo),
		};
		const state = message.version ?? `${message.error}${message.progress === undefined}`;
		const signature = [state, today, flash && hit.query, ...Object.values(shown)].join();
		const mine = message.senderId === session.me._id;
		return { ...shown, key, message, partner, mine, signature, hit: flash ? matcher(hit.query) : undefined };
	});
}
