// The recording in the composer: begun, offered again after a reload, or had back after it was discarded.

import { emit, on } from "../base/events.js";
import { keptRecordingFor } from "../state/kept-recordings.js";
import { Recording } from "../state/recording.js";
import { lookForKept, unfinishedFor } from "../state/unfinished.js";
import { RecordingPanel } from "../voice/recording-panel.js";

/** @import { RecordingOutcome } from "../page.js" */
/** @import { Person } from "../wire.js" */

/**
 * @typedef {object} Parts of the composer
 * @property {HTMLElement} form
 * @property {HTMLElement} line gives its place to the recording
 * @property {HTMLElement} note
 * @property {HTMLElement} undo
 * @property {HTMLButtonElement} undoDiscard
 * @property {HTMLButtonElement} mic
 * @property {HTMLTextAreaElement} input
 */

/** @param {Recording} recording */
async function isOver(recording) {
	if (recording.notes.id === null) return false;
	const takingOver = await import("../state/taking-over.js").catch(() => null);
	return takingOver !== null && takingOver.isOver(recording);
}

export class Recorder {
	/** @type {RecordingPanel | null} the recording under way */
	current = null;
	#stopOffering = () => {};

	/**
	 * @param {Parts} parts
	 * @param {Person} partner
	 * @param {Pick<RecordingOutcome, "send" | "refused">} outcome
	 */
	constructor(parts, partner, outcome) {
		this.parts = parts;
		this.partner = partner;
		this.outcome = outcome;
	}

	start() {
		const panel = this.#open(new Recording({ partnerId: this.partner._id, startedAt: Date.now() }));
		panel.start();
		return panel;
	}

	/** Offers what was recorded for this person and not sent, before a reload or a look elsewhere, or on another device. */
	startOffering() {
		this.#stopOffering = on("unfinished", () => this.#offerUnfinished());
		this.#offerUnfinished();
	}

	async #offerUnfinished() {
		if (this.current) return;
		const recording = (await this.#kept()) ?? (await this.#elsewhere().catch(() => null));
		if (recording && this.#isFree()) this.#offer(recording);
	}

	async #kept() {
		const kept = await keptRecordingFor(this.partner._id);
		if (!kept) return null;
		const recording = new Recording(kept, kept);
		if (!(await isOver(recording))) return recording;
		await recording.drop();
		return null;
	}

	async #elsewhere() {
		const found = unfinishedFor(this.partner._id);
		if (!found.length) return null;
		const { firstAtRest } = await import("../state/taking-over.js");
		return firstAtRest(found);
	}

	/** Whether a recording may take the place of the text box. */
	#isFree() {
		const { form, undo, input } = this.parts;
		const isWriting = document.activeElement === input && input.value !== "";
		return !this.current && form.isConnected && undo.hidden && !isWriting;
	}

	/**
	 * Nobody asked for it, so it takes no focus from whoever types, or chooses something, elsewhere.
	 * @param {Recording} recording
	 */
	#offer(recording) {
		const { activeElement } = document;
		const isHere = !activeElement || activeElement === document.body || this.parts.form.contains(activeElement);
		this.#open(recording, isHere).offer(isHere);
	}

	/** A recording takes a moment to end; by then one may be back already. */
	async leave() {
		this.#stopOffering();
		if (!this.current) return;
		await this.current.leave();
		await lookForKept();
		emit("unfinished", null);
	}

	/**
	 * @param {Recording} recording
	 * @param {boolean} [takesFocus]
	 */
	#open(recording, takesFocus = true) {
		const { line, note, undo } = this.parts;
		note.textContent = "";
		undo.hidden = true;
		line.hidden = true;
		const panel = new RecordingPanel(
			{
				...this.outcome,
				discarded: (discarded) => this.#offerUndo(discarded),
				closed: () => this.#closed(),
			},
			recording,
			this.partner.username,
		);
		this.current = panel;
		line.after(panel.element);
		if (takesFocus) panel.focus();
		return panel;
	}

	#closed() {
		this.current = null;
		this.parts.line.hidden = false;
		this.parts.mic.focus();
	}

	/** @param {Recording} recording */
	#offerUndo(recording) {
		const { undo, undoDiscard } = this.parts;
		undo.hidden = false;
		undoDiscard.onclick = () => {
			recording.keepAgain();
			this.#open(recording).offer();
		};
		undoDiscard.focus();
	}
}
