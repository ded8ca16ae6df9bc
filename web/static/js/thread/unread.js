// Which messages of the open conversation are new: where the line above them is, how many came while one read further up,
// and how far one has read.

import { conversationWith, markRead } from "../state/conversations.js";

/** @import { LoadedMessage } from "../page.js" */
/** @import { History } from "../state/history.js" */

export class Unread {
	/** @type {string | null} the first unread message; the line above it stays where it was */
	from = null;
	/** How many came while one read further up. */
	cameBelow = 0;
	#isPlaced = false;
	#readUpTo = "";

	/** @param {History} history */
	constructor(history) {
		this.history = history;
		this.partnerId = history.partnerId;
		/** How many were unread when the conversation was opened. */
		this.atOpening = conversationWith(this.partnerId)?.unread ?? 0;
	}

	/** @param {LoadedMessage} message */
	#isTheirs({ senderId, deletedAt }) {
		return senderId === this.partnerId && !deletedAt;
	}

	/** Places the line, once the newest messages are there. */
	place() {
		const theirs = this.history.messages.filter((message) => this.#isTheirs(message));
		if (this.#isPlaced || !this.atOpening || !theirs.length) return;
		this.from = theirs[Math.max(0, theirs.length - this.atOpening)]._id;
		this.#isPlaced = true;
	}

	/** Moves the line on when the message below it was deleted. */
	skipDeleted() {
		const { from } = this;
		if (!from || !this.history.byId.get(from)?.deletedAt) return;
		const next = this.history.messages.find((message) => message._id > from && this.#isTheirs(message));
		this.from = next?._id ?? null;
	}

	/**
	 * Marks as read what can be seen, if somebody looks.
	 * @param {HTMLElement[]} rows those in view
	 */
	async read(rows) {
		const isLookedAt = !document.hidden && document.hasFocus();
		if (!isLookedAt || !conversationWith(this.partnerId)?.unread) return;
		const upTo = this.#lastOfTheirs(rows);
		if (upTo <= this.#readUpTo) return;
		this.#readUpTo = upTo;
		try {
			await markRead(this.partnerId, upTo);
		} catch {
			this.#readUpTo = ""; // tried again with the next look
		}
	}

	/** @param {HTMLElement[]} rows */
	#lastOfTheirs(rows) {
		const seen = rows.flatMap(({ dataset }) => this.history.byId.get(dataset.id ?? "") ?? []);
		return seen.findLast((message) => this.#isTheirs(message))?._id ?? "";
	}
}
