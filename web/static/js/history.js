// One conversation's messages, as far as they are loaded: a run without gaps, ordered by `_id`.

import { api } from "./api.js";
import { emit } from "./bus.js";
import { dated } from "./format.js";

const PAGE = 100;
const AROUND = 40;
export const FIRST_ID = "0".repeat(26);
const LAST_ID = `7${"Z".repeat(25)}`;
const RANK = { accepted: 1, transcribing: 2, untranscribed: 3, delivered: 4, read: 5 };

export class History {
	came = []; // while a page was on its way, which may have been read before

	constructor(partnerId) {
		this.partnerId = partnerId;
		this.readUpTo = ""; // how far the partner has read
		this.reset();
	}

	reset(messages = []) {
		this.messages = messages;
		this.byId = new Map(messages.map((message) => [message._id, message]));
		this.loaded = false;
		this.atStart = false; // the first message of all is loaded
		this.atEnd = true; // the newest is, so that new ones join on
	}

	/** One load at a time; a call during another of the same kind shares that one. */
	#once(kind, load) {
		if (this.kind !== kind) {
			this.kind = kind;
			const before = this.busy?.catch(() => {});
			this.busy = Promise.resolve(before).then(load).finally(() => {
				if (this.kind === kind) this.kind = null;
				for (const each of this.came.splice(0)) this.merge(each);
			}).then(() => emit("history", this)); // not of a failure: what draws loads, and would go on failing
		}
		return this.busy;
	}

	async #page(query, limit = PAGE) {
		const page = await api.history(this.partnerId, { ...query, limit });
		return { page, last: page.length < limit };
	}

	#take(page, state) {
		for (const message of page) this.#put(message);
		Object.assign(this, state);
	}

	loadNewest() {
		return this.#once("newest", async () => {
			let page = await api.history(this.partnerId);
			let last = false;
			if (!page.length) ({ page, last } = await this.#page({ before: LAST_ID })); // nothing recent, but older?
			const joins = this.loaded && this.atEnd && this.byId.has(page[0]?._id);
			if (!joins) this.reset();
			this.#take(page, { loaded: true, atEnd: true, atStart: this.atStart || last });
		});
	}

	async loadOlder() {
		if (!this.loaded || this.atStart || !this.messages.length) return;
		await this.#once("older", async () => {
			const { page, last } = await this.#page({ before: this.messages[0]._id });
			this.#take(page, { atStart: last });
		});
	}

	async loadNewer() {
		if (!this.loaded || this.atEnd) return;
		await this.#once("newer", async () => {
			const { page, last } = await this.#page({ after: this.messages.at(-1)._id });
			this.#take(page, { atEnd: last });
		});
	}

	/** Loads what surrounds a message; answers whether that message exists. */
	async loadAround(id) {
		if (!this.byId.has(id)) {
			await this.#once(id, async () => {
				const older = await this.#page({ before: id }, AROUND);
				const newer = await this.#page({ after: older.page.at(-1)?._id ?? FIRST_ID });
				if (newer.page[0]?._id !== id) return;
				this.reset();
				this.#take([...older.page, ...newer.page], { loaded: true, atStart: older.last, atEnd: newer.last });
			});
		}
		return this.byId.has(id);
	}

	/** Takes in a message, or a change (`edited`, `deleted`, `failed`) of one that is loaded. */
	merge(incoming) {
		if (this.kind) this.came.push(incoming);
		const known = this.byId.has(incoming._id);
		const before = this.loaded && incoming._id < this.messages[0]?._id && !this.atStart;
		if (!known && (!RANK[incoming.status] || !this.atEnd || before)) return;
		if (this.#put(incoming)) emit("history", this);
	}

	#put(incoming) {
		const known = this.byId.get(incoming._id);
		if (known) return update(known, incoming);
		let index = this.messages.length;
		while (index && this.messages[index - 1]._id > incoming._id) index -= 1;
		const message = { ...dated(incoming), version: 1 };
		this.messages.splice(index, 0, message);
		this.byId.set(message._id, message);
		const read = message.status === "read" && message.receiverId === this.partnerId;
		if (read && message._id > this.readUpTo) this.readUpTo = message._id;
		return true;
	}

	partnerRead(upTo) {
		if (upTo > this.readUpTo) this.readUpTo = upTo;
		emit("history", this);
	}

	/** Changes what only this client knows of a message. */
	note(id, fields) {
		const message = this.byId.get(id);
		if (!message) return;
		Object.assign(message, fields);
		message.version += 1;
		emit("history", this);
	}
}

/** Frames may come late or twice: a status never goes back, a deletion is never undone, an older edit never wins. */
function update(known, { status, detail, ...fields }) {
	const before = JSON.stringify(known);
	const stale = (known.deletedAt && !fields.deletedAt) || (known.editedAt ?? "") > (fields.editedAt ?? "");
	if (status === "failed") Object.assign(known, { failure: detail ?? "The words could not be made out.", again: false });
	else if (!stale || status === "deleted") {
		Object.assign(known, fields);
		if (fields.deletedAt) known.words = known.editedAt = undefined;
		if (status === "edited") Object.assign(known, { again: false, failure: undefined });
		if (status === "edited" && fields.words && known.status === "untranscribed") known.status = "delivered";
		if (RANK[status] > RANK[known.status]) known.status = status;
	}
	const changed = JSON.stringify(known) !== before;
	if (changed) known.version += 1;
	return changed;
}
