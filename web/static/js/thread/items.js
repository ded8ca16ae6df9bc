// What a row of the open conversation shows, worked out from the messages and what waits in the outbox.

import { dayKey, readingKey } from "../base/format.js";
import { wordMatcher } from "../base/word-matching.js";

/** @import { WordTest } from "../dom/highlight.js" */
/** @import { LoadedMessage, OutboxItem } from "../page.js" */

/**
 * A message of the server's, or one that waits in the outbox (`_id` is null): in a form that rows and grouping share.
 * @typedef {object} Entry
 * @property {string | null} _id
 * @property {string | null} clientId
 * @property {string} senderId
 * @property {string} dateSent RFC 3339
 * @property {number} at the same in milliseconds since 1970
 * @property {string} day
 * @property {string} text
 * @property {LoadedMessage | null} message once the server has it
 * @property {OutboxItem | null} waiting until then
 */

/**
 * What a row is made of.
 * @typedef {object} Item
 * @property {string} key
 * @property {string} signature changes when the row looks different
 * @property {Entry} entry
 * @property {string} partner the name
 * @property {boolean} isMine
 * @property {boolean} beginsDay
 * @property {boolean} startsGroup
 * @property {boolean} endsGroup
 * @property {boolean} isFirstUnread
 * @property {boolean} isHit the search led here
 * @property {WordTest | null} isHitWord which words that search has found, where it led here
 * @property {Mark} mark
 */

/** @typedef {{ previous: Entry | null, entry: Entry, next: Entry | null }} Neighbours */
/** @typedef {"waiting" | "refused" | "accepted" | "delivered" | "read"} Mark how far a message has come */
/** @typedef {{ id: string, query: string }} Hit */

/**
 * @typedef {object} View
 * @property {{ messages: LoadedMessage[], atStart: boolean, readUpTo: string }} history
 * @property {OutboxItem[]} pending
 * @property {string} myId
 * @property {string} partner the name
 * @property {string | null} unreadFrom the id of the first unread message
 * @property {Hit | null} hit the message a search led to
 */

const GROUP = 5 * 60_000; // milliseconds between messages of a group
const RECENT = 200; // what still waits in the outbox may be among these already

/** The rows of a view. Only what is to be seen of them is worked out, since there may be thousands. */
export class Items {
	/** @type {OutboxItem[]} */
	#waiting;
	/** Headings say how long ago a day was. */
	#now = readingKey();

	/** @param {View} view */
	constructor(view) {
		this.view = view;
		this.#waiting = notSent(view);
		/** As they are now; the history goes on to change. */
		this.messages = [...view.history.messages];
		this.keys = this.messages.map((message) => keyOf(message, view.myId));
		for (const { clientId, userId } of this.#waiting) {
			this.keys.push(keyOf({ _id: null, clientId, senderId: userId }, view.myId));
		}
	}

	/**
	 * @param {number} [first]
	 * @param {number} [end] as those of an array
	 */
	slice(first = 0, end = this.keys.length) {
		const indexes = Array.from({ length: end - first }, (_, index) => first + index);
		return indexes.map((index) => itemOf(this.view, this.#neighbours(index), this.#now));
	}

	/**
	 * @param {number} index
	 * @returns {Neighbours}
	 */
	#neighbours(index) {
		const entry = /** @type {Entry} */ (this.#entry(index));
		return { previous: this.#entry(index - 1), entry, next: this.#entry(index + 1) };
	}

	/** @param {number} index */
	#entry(index) {
		if (index < 0 || index >= this.keys.length) return null;
		const { messages } = this;
		const isSent = index < messages.length;
		return isSent ? sentEntry(messages[index]) : waitingEntry(this.#waiting[index - messages.length]);
	}
}

/**
 * @param {LoadedMessage} message
 * @returns {Entry}
 */
function sentEntry(message) {
	const { _id, clientId, senderId, dateSent, at, text } = message;
	const day = dayKey(at); // anew each time, since the reader may be elsewhere by now
	return { _id, clientId: clientId ?? null, senderId, dateSent, at, day, text, message, waiting: null };
}

/**
 * @param {View} view
 * @returns {OutboxItem[]}
 */
function notSent({ history, pending }) {
	const sent = new Set(history.messages.slice(-RECENT).map(({ clientId }) => clientId));
	return pending.filter(({ clientId }) => !sent.has(clientId));
}

/**
 * @param {OutboxItem} item
 * @returns {Entry}
 */
function waitingEntry(item) {
	const { clientId, userId: senderId, createdAt: at, text = "" } = item;
	const dateSent = new Date(at).toISOString();
	return { _id: null, clientId, senderId, dateSent, at, day: dayKey(at), text, message: null, waiting: item };
}

/**
 * @param {View} view
 * @param {Neighbours} neighbours
 * @param {string} now
 * @returns {Item}
 */
function itemOf({ history, myId, partner, unreadFrom, hit }, { previous, entry, next }, now) {
	const beginsDay = previous ? previous.day !== entry.day : history.atStart || !entry.message;
	const isHit = hit !== null && hit.id === entry._id;
	const shown = {
		beginsDay,
		startsGroup: !isSameGroup(previous, entry),
		endsGroup: !isSameGroup(entry, next),
		isFirstUnread: entry._id !== null && entry._id === unreadFrom,
		isHit,
		mark: markOf(entry, history.readUpTo),
	};
	return {
		...shown,
		key: keyOf(entry, myId),
		signature: [stateOf(entry), now, partner, isHit ? hit.query : "", ...Object.values(shown)].join(),
		entry,
		partner,
		isMine: entry.senderId === myId,
		isHitWord: isHit ? wordMatcher(hit.query, entry.text) : null,
	};
}

/**
 * Own messages keep the key they had in the outbox, so that their rows stay when the server has them.
 * @param {{ _id: string | null, clientId?: string | null, senderId: string }} entry
 * @param {string} myId
 */
export function keyOf({ _id, clientId, senderId }, myId) {
	return clientId && senderId === myId ? `own-${clientId}` : String(_id);
}

/**
 * What of the message itself changes its row.
 * @param {Entry} entry
 */
function stateOf({ message, waiting }) {
	if (message) return String(message.version);
	const isUploading = typeof waiting?.progress === "number";
	return `${waiting?.error ?? ""}${isUploading}`;
}

/**
 * @param {Entry} entry
 * @param {string} readUpTo how far the partner has read
 * @returns {Mark}
 */
function markOf({ message, waiting }, readUpTo) {
	if (!message) return waiting?.error ? "refused" : "waiting";
	const { _id, status } = message;
	if (status === "read" || (_id <= readUpTo && status !== "accepted")) return "read";
	return status === "delivered" || status === "untranscribed" ? "delivered" : "accepted";
}

/**
 * @param {Entry | null} one
 * @param {Entry | null} other
 */
function isSameGroup(one, other) {
	if (!one || !other) return false;
	return one.senderId === other.senderId && one.day === other.day && other.at - one.at < GROUP;
}
