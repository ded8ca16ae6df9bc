// Which messages of the open conversation are new: where the line above them is, how many have not been seen yet, and how
// far one has read.

import { conversationWith, markRead } from "../state/conversations.js";

/** @import { LoadedMessage } from "../page.js" */
/** @import { History } from "../state/history.js" */

const MAX_PAGES = 20; // loaded to reach the first unread message; of more, the line stands above the oldest loaded

export class Unread {
	/** @type {string | null} the first unread message; the line above it stays where it was */
	from = null;
	/** What is in view is where the reader is meant to be, so that it counts as seen. */
	isInPlace = false;
	#isPlaced = false;
	#readUpTo = "";

	/** @param {History} history */
	constructor(history) {
		this.history = history;
		this.partnerId = history.partnerId;
	}

	/** How many have not been seen. */
	get count() {
		return conversationWith(this.partnerId)?.unread ?? 0;
	}

	/** @param {LoadedMessage} message */
	#isTheirs({ senderId, deletedAt }) {
		return senderId === this.partnerId && !deletedAt;
	}

	#theirs() {
		return this.history.messages.filter((message) => this.#isTheirs(message));
	}

	/** Places the line above the first unread message, and loads all from there on. */
	async place() {
		if (this.#isPlaced || !this.history.atEnd) return;
		await this.#loadUnread();
		const first = this.first();
		if (!first) return;
		this.from = first._id;
		this.#isPlaced = true;
	}

	async #loadUnread() {
		for (let page = 0; page < MAX_PAGES; page += 1) {
			const isEnough = this.history.atStart || this.#theirs().length >= this.count;
			if (isEnough) return;
			await this.history.loadOlder();
		}
	}

	/** The first that has not been seen, as far as messages are loaded; null when all have. */
	first() {
		const { count, history } = this;
		if (!count || !history.atEnd) return null;
		const theirs = this.#theirs();
		return theirs.at(Math.max(0, theirs.length - count)) ?? null;
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
		const isLookedAt = this.isInPlace && !document.hidden && document.hasFocus();
		if (!isLookedAt || !this.count) return;
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
