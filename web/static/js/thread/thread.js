// The open conversation.

import { on } from "../base/events.js";
import { count } from "../base/format.js";
import { summary } from "../base/phrases.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { takeDrops } from "../dom/drop.js";
import { fill, h, isTouched, listen } from "../dom/elements.js";
import { spinner } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { me } from "../net/session.js";
import { FIRST_PAGE, historyWith } from "../state/histories.js";
import { waitingFor } from "../state/outbox.js";
import { Composer, COMPOSER_PARTS } from "./composer.js";
import { Header, HEADER_PARTS } from "./header.js";
import { Items, keyOf } from "./items.js";
import { MessageActions } from "./message-actions.js";
import { printByKey } from "./opened-later.js";
import { messageRow } from "./row.js";
import { isAtEnd } from "./scroller.js";
import { Timeline } from "./timeline.js";
import { Unread } from "./unread.js";
import { seekWord, showProgress } from "./voice-body.js";

/** @import { Events, LoadedMessage } from "../page.js" */
/** @import { Person } from "../wire.js" */
/** @import { Hit, Item } from "./items.js" */

const PARTS = {
	scroller: HTMLElement,
	top: HTMLElement,
	bottom: HTMLElement,
	notice: HTMLElement,
	jump: HTMLButtonElement,
	fresh: HTMLElement,
	...HEADER_PARTS,
	...COMPOSER_PARTS,
};

export class Thread {
	/** @type {Hit | null} */
	#hit = null;
	/** @type {(() => void)[]} */
	#stops = [];

	/** @param {Person} partner */
	constructor(partner) {
		this.partner = partner;
		this.parts = copyTemplate("conversation", PARTS);
		this.element = this.parts.element;
		this.history = historyWith(partner._id);
		this.unread = new Unread(this.history);
		this.header = new Header(this.parts, partner);
		this.composer = new Composer(this.parts, partner, {
			onSent: () => this.#showNewest(),
			onEditLast: () => this.#editLast(),
		});
		const actions = new MessageActions(this.history, partner, (message) => this.composer.edit(message));
		/** @type {Timeline<Item>} */
		this.timeline = new Timeline(this.parts, {
			rowOf: (item) => messageRow(item, actions),
			onStart: () => ignoreFailure(this.history.loadOlder()),
			onEnd: () => ignoreFailure(this.history.loadNewer()),
			onView: () => this.#viewChanged(),
		});
		this.#listen();
		this.#showName();
	}

	#showName() {
		this.element.ariaLabel = this.partner.username;
		this.parts.scroller.ariaLabel = say("thread.messagesWith", { name: this.partner.username });
		this.header.showPerson();
		this.composer.showName();
		if (this.history.loaded) this.#draw();
	}

	#listen() {
		takeDrops(this.element, (files) => this.composer.attach(files));
		this.parts.jump.onclick = () => this.#jump();
		const readInView = () => this.unread.read(this.timeline.rowsInView());
		this.#stops = [
			on("history", (changed) => {
				if (changed === this.history) this.#draw();
			}),
			on("upload", (item) => showProgress(this.parts.scroller, item)),
			on("conversations", () => {
				this.header.showPerson();
				this.#viewChanged();
			}),
			on("dates", () => this.#showName()),
			on("incoming", (incoming) => this.#came(incoming)),
			this.#onMine("outbox", () => this.#draw()),
			this.#onMine("presence", () => this.header.showState()),
			this.#onMine("renamed", () => this.#showName()),
			listen(document, "keydown", (event) => printByKey(event, this.partner)),
			on("connection", (connected) => {
				this.header.showState();
				if (connected) this.#draw(); // loads what failed
			}),
			listen(window, "focus", readInView),
			listen(document, "visibilitychange", readInView),
		];
	}

	/**
	 * Listens to what happens about this partner.
	 * @param {"outbox" | "presence" | "renamed"} name
	 * @param {() => void} listener
	 */
	#onMine(name, listener) {
		return on(name, (id) => {
			if (id === this.partner._id) listener();
		});
	}

	destroy() {
		this.#stops.forEach((stop) => stop());
		this.timeline.destroy();
		this.composer.leave();
	}

	/** With a finger, the screen's keyboard would hide what one came to read. */
	focus() {
		const { name, input } = this.parts;
		(isTouched() ? name : input).focus();
	}

	/**
	 * Loads and shows the newest messages, or a message and what surrounds it.
	 * @param {string | null} at
	 * @param {string} query the words that led there
	 */
	async open(at, query) {
		const { notice } = this.parts;
		const isThere = this.history.loaded && (!at || this.history.byId.has(at));
		if (!isThere) fill(notice, spinner());
		try {
			await this.#load(at);
		} catch (error) {
			this.#showFailure(error, () => this.open(at, query));
			return;
		}
		fill(notice);
		const found = at ? this.history.byId.get(at) : null;
		this.#hit = found ? { id: found._id, query } : null;
		this.#draw();
		if (found) this.#showHit(found, query);
		else this.#showFirstUnread();
		this.unread.isInPlace = true;
		this.#viewChanged();
	}

	/** @param {string | null} at */
	async #load(at) {
		const isFound = at ? await this.history.loadAround(at) : false;
		if (!isFound) await this.#loadNewest();
		await this.unread.place();
	}

	async #loadNewest() {
		const isFewNew = this.unread.count < FIRST_PAGE / 2;
		if (!this.history.loaded || !this.history.atEnd) await this.history.loadNewest(...(isFewNew ? [FIRST_PAGE] : []));
	}

	#showFirstUnread() {
		const { from } = this.unread;
		const shown = from ? this.timeline.show(from) : null;
		if (!shown) this.timeline.toBottom();
	}

	/**
	 * @param {LoadedMessage} message
	 * @param {string} query
	 */
	#showHit(message, query) {
		const row = this.timeline.show(keyOf(message, me()._id));
		const target = row?.querySelector("[data-focus]");
		if (target instanceof HTMLElement) target.focus({ preventScroll: true });
		if (message.audioFileId) seekWord(message, query);
	}

	#editLast() {
		const myId = me()._id;
		const last = this.history.messages.findLast(({ senderId, deletedAt }) => senderId === myId && !deletedAt);
		if (last && this.history.atEnd) this.composer.edit(last);
	}

	/** To the first message that has not been seen, else to the newest. */
	async #jump() {
		const first = this.unread.first();
		const isInView = this.timeline.rowsInView().some(({ dataset }) => dataset.id === first?._id);
		const row = first && !isInView ? this.timeline.show(first._id) : null;
		if (!row) await this.#showNewest();
	}

	async #showNewest() {
		try {
			await this.#loadNewest();
		} catch (error) {
			this.#showFailure(error, () => this.#showNewest());
		}
		this.#draw();
		this.timeline.toBottom();
	}

	#draw() {
		this.unread.skipDeleted();
		const items = new Items({
			history: this.history,
			pending: this.history.atEnd ? waitingFor(this.partner._id) : [],
			myId: me()._id,
			partner: this.partner.username,
			unreadFrom: this.unread.from,
			hit: this.#hit,
		});
		this.timeline.setItems(items);
		this.element.classList.toggle("empty", this.history.loaded && !items.keys.length);
	}

	#viewChanged() {
		const { jump, fresh, scroller } = this.parts;
		jump.hidden = isAtEnd(scroller) && this.history.atEnd;
		this.unread.read(this.timeline.rowsInView());
		fresh.textContent = this.unread.count ? count(this.unread.count) : "";
	}

	/** @param {Events["incoming"]} incoming */
	#came({ message }) {
		if (message.senderId !== this.partner._id) return;
		announce(say("message.of", { name: this.partner.username, text: summary(message) }));
		this.#viewChanged();
	}

	/**
	 * @param {unknown} error
	 * @param {() => void} again
	 */
	#showFailure(error, again) {
		const { message } = /** @type {Error} */ (error);
		fill(this.parts.notice, h("p", message), h("button.button.quiet", { onclick: again }, say("app.tryAgain")));
	}
}

/**
 * What fails to load near an end of the list is tried again with the next scroll.
 * @param {Promise<void>} loading
 */
const ignoreFailure = (loading) => loading.catch(() => {});
