// One conversation's messages, as far as they are loaded: a run without gaps, ordered by `_id`.

import { emit } from "../base/events.js";
import { FIRST_ID, LAST_ID } from "../base/ids.js";
import { countBefore } from "../base/sorted.js";
import { fetchHistory } from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { isStatus, load, merge } from "./merging.js";
import { keptMessages } from "./offline.js";

/** @import { LoadedMessage } from "../page.js" */
/** @import { Message, MessageChange } from "../wire.js" */

const PAGE = 100;
const NEWEST = 200; // a conversation opens with; without a limit, what is being transcribed would be left out
const MAX_REFRESHED_PAGES = 5; // pages
const AROUND = 40; // messages before one that is jumped to

/**
 * How far the loaded messages reach.
 * @typedef {object} Extent
 * @property {boolean} [loaded] anything is
 * @property {boolean} [atStart] up to the first message of all
 * @property {boolean} [atEnd] up to the newest, so that new ones join on
 */

export class History {
	/** @type {LoadedMessage[]} */
	messages = [];
	/** @type {Map<string, LoadedMessage>} */
	byId = new Map();
	loaded = false;
	atStart = false;
	atEnd = true;
	/** It is what this browser kept, and may lack what came since. */
	isKept = false;
	/** How far the partner has read. */
	readUpTo = "";
	/** @type {Promise<void> | null} the latest load; rejects as that does */
	busy = null;
	/** @type {string | null} what is being loaded */
	#loading = null;
	/** @type {(Message | MessageChange)[]} came while a page was on its way, which may have been read before */
	#cameMeanwhile = [];

	/** @param {string} partnerId */
	constructor(partnerId) {
		this.partnerId = partnerId;
	}

	/** Forgets the messages. */
	reset() {
		this.messages = [];
		this.byId = new Map();
		this.loaded = false;
		this.atStart = false;
		this.atEnd = true;
		this.isKept = false;
	}

	/** @param {number} [limit] how many messages; at most and by default 200 */
	loadNewest(limit = NEWEST) {
		return this.#once("newest", async () => {
			const { page, isWhole, isKept } = await this.#fetchNewest(Math.min(limit, NEWEST));
			if (isKept && this.loaded) return; // what is loaded is no older
			const joins = this.loaded && this.atEnd && page.length > 0 && this.byId.has(page[0]._id);
			if (!joins) this.reset();
			this.#add(page, { loaded: true, atEnd: true, atStart: this.atStart || isWhole });
			this.isKept = isKept;
		});
	}

	/**
	 * The newest messages; those kept in this browser when the server cannot be reached.
	 * @param {number} limit as in `loadNewest`
	 * @returns {Promise<{ page: Message[], isWhole: boolean, isKept: boolean }>} `isWhole` when it is known to be all
	 */
	async #fetchNewest(limit) {
		try {
			const recent = await fetchHistory(this.partnerId, { limit });
			if (recent.length) return { page: recent, isWhole: false, isKept: false };
			const page = await this.#fetchPage({ before: LAST_ID }); // perhaps there is something older
			return { page, isWhole: page.length < PAGE, isKept: false };
		} catch (error) {
			const mayBeShown = error instanceof ApiError && error.isTransient;
			const page = mayBeShown ? await keptMessages(this.partnerId) : null;
			if (!page) throw error;
			return { page, isWhole: false, isKept: true };
		}
	}

	async loadOlder() {
		if (!this.loaded || this.atStart || !this.messages.length) return;
		await this.#once("older", async () => {
			const page = await this.#fetchPage({ before: this.messages[0]._id });
			this.#add(page, { atStart: page.length < PAGE });
		});
	}

	async loadNewer() {
		if (!this.loaded || this.atEnd) return;
		await this.#once("newer", async () => {
			const page = await this.#fetchPage({ after: this.messages.at(-1)?._id ?? FIRST_ID });
			this.#add(page, { atEnd: page.length < PAGE });
		});
	}

	/**
	 * Loads what surrounds a message. Returns whether that message exists.
	 * @param {string} id
	 */
	async loadAround(id) {
		// What came by socket before anything was loaded stands alone.
		const isThere = this.loaded && this.byId.has(id);
		if (!isThere) await this.#once(id, () => this.#replaceByAround(id));
		return this.byId.has(id);
	}

	/** @param {string} id */
	async #replaceByAround(id) {
		const older = await this.#fetchPage({ before: id }, AROUND);
		const newer = await this.#fetchPage({ after: older.at(-1)?._id ?? FIRST_ID });
		const exists = newer.length > 0 && newer[0]._id === id;
		if (!exists) return;
		this.reset();
		const extent = { loaded: true, atStart: older.length < AROUND, atEnd: newer.length < PAGE };
		this.#add([...older, ...newer], extent);
	}

	/** Reads again what is loaded, from the newest back, since what was changed in a gap nobody tells. */
	async refresh() {
		if (!this.loaded || !this.messages.length) return;
		await this.#once("refresh", () => this.#refreshPages());
	}

	async #refreshPages() {
		const [first] = this.messages;
		let before = LAST_ID;
		for (let pages = 0; pages < MAX_REFRESHED_PAGES && before > first._id; pages += 1) {
			const page = await this.#fetchPage({ before });
			if (!page.length) return;
			for (const message of page) if (this.byId.has(message._id)) this.#put(message);
			before = page[0]._id;
		}
	}

	/**
	 * One load at a time; a call during another of the same kind shares that one.
	 * @param {string} kind
	 * @param {() => Promise<void>} work
	 */
	#once(kind, work) {
		if (this.busy && this.#loading === kind) return this.busy;
		this.#loading = kind;
		this.busy = this.#runAfter(this.busy, kind, work);
		return this.busy;
	}

	/**
	 * @param {Promise<void> | null} earlier
	 * @param {string} kind
	 * @param {() => Promise<void>} work
	 */
	async #runAfter(earlier, kind, work) {
		await earlier?.catch(() => {}); // that one has its own caller
		try {
			await work();
		} finally {
			if (this.#loading === kind) this.#loading = null;
			for (const each of this.#cameMeanwhile.splice(0)) this.merge(each);
		}
		// Not after a failure: whoever draws the history loads more of it, and would go on failing.
		emit("history", this);
	}

	/**
	 * @param {{ before?: string, after?: string }} where
	 * @param {number} [limit]
	 */
	#fetchPage(where, limit = PAGE) {
		return fetchHistory(this.partnerId, { ...where, limit });
	}

	/**
	 * @param {Message[]} page
	 * @param {Extent} extent
	 */
	#add(page, extent) {
		for (const message of page) this.#put(message);
		Object.assign(this, extent);
	}

	/**
	 * Merges in a message, or a change of one that is loaded.
	 * @param {Message | MessageChange} incoming
	 */
	merge(incoming) {
		if (this.#loading) this.#cameMeanwhile.push(incoming);
		if (!this.byId.has(incoming._id) && !this.#joins(incoming)) return;
		if (this.#put(incoming)) emit("history", this);
	}

	/**
	 * Whether a message that is not loaded can be added without leaving a gap.
	 * @param {Message | MessageChange} message
	 */
	#joins({ _id, status }) {
		const isBeforeAll = this.loaded && this.messages.length > 0 && _id < this.messages[0]._id;
		return isStatus(status) && this.atEnd && (!isBeforeAll || this.atStart);
	}

	/**
	 * Returns whether it changed anything.
	 * @param {Message | MessageChange} incoming
	 */
	#put(incoming) {
		const known = this.byId.get(incoming._id);
		if (known) return merge(known, incoming);
		const message = load(incoming);
		this.messages.splice(countBefore(this.messages, message._id), 0, message);
		this.byId.set(message._id, message);
		const isReadByPartner = message.status === "read" && message.receiverId === this.partnerId;
		if (isReadByPartner && message._id > this.readUpTo) this.readUpTo = message._id;
		return true;
	}

	/** @param {string} upTo */
	notePartnerRead(upTo) {
		if (upTo > this.readUpTo) this.readUpTo = upTo;
		emit("history", this);
	}

	/**
	 * Changes what only this client knows of a message.
	 * @param {string} id
	 * @param {Partial<Pick<LoadedMessage, "failure" | "transcribingAgain" | "correcting">>} fields
	 */
	note(id, fields) {
		const message = this.byId.get(id);
		if (!message) return;
		Object.assign(message, fields);
		message.version += 1;
		emit("history", this);
	}
}
