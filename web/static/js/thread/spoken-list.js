// The voice messages of a conversation, newest first, as far back as one asks.

import { duration, shortTime } from "../base/format.js";
import { chatPath } from "../base/router.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { me } from "../net/session.js";
import { pagesBack } from "../state/whole-history.js";

/** @import { Message, Person } from "../wire.js" */

const STEP = 20; // voice messages shown at once
const MAX_PAGES = 10; // read for one step, where there are few voice messages among many others

/** @typedef {{ spoken: HTMLElement, spokenNote: HTMLElement, older: HTMLButtonElement }} Parts */

export class SpokenList {
	/** @type {Message[]} read and not shown yet, newest first */
	#found = [];
	#isWhole = false;

	/**
	 * @param {Parts} parts
	 * @param {Person} partner
	 */
	constructor(parts, partner) {
		this.parts = parts;
		this.partner = partner;
		this.pages = pagesBack(partner._id);
		parts.older.onclick = () => this.showMore();
	}

	async showMore() {
		const { spoken, spokenNote, older } = this.parts;
		older.disabled = true;
		spokenNote.textContent = "";
		try {
			await this.#read();
		} catch (error) {
			spokenNote.textContent = /** @type {Error} */ (error).message;
			this.pages = pagesBack(this.partner._id); // a generator that has thrown is at its end
			this.#found = [];
			spoken.replaceChildren();
		}
		spoken.append(...this.#found.splice(0, STEP).map((message) => this.#row(message)));
		older.disabled = false;
		older.hidden = this.#isWhole && !this.#found.length;
		if (older.hidden && !spoken.firstChild) spokenNote.textContent = say("profile.noVoice");
	}

	async #read() {
		for (let pages = 0; pages < MAX_PAGES && this.#found.length < STEP && !this.#isWhole; pages += 1) {
			const { value, done } = await this.pages.next();
			this.#isWhole = done ?? false;
			const spoken = (value ?? []).filter(({ audioFileId, deletedAt }) => audioFileId && !deletedAt);
			this.#found.push(...spoken.reverse());
		}
	}

	/** @param {Message} message */
	#row({ _id, senderId, dateSent, duration: seconds, text }) {
		const who = senderId === me()._id ? say("app.you") : this.partner.username;
		const said = { name: who, time: shortTime(dateSent) };
		const about = seconds
			? say("profile.saidLength", { ...said, length: duration(seconds) })
			: say("profile.said", said);
		return h(
			"li",
			h(
				"a",
				{ href: chatPath(this.partner, { at: _id, query: "" }) },
				h("span.note", icon("mic"), about),
				h("span.line.spoken", { dir: "auto" }, text || say("message.voice")),
			),
		);
	}
}
