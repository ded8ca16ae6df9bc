// The recording in the composer: begun, offered again after a reload, or had back after it was discarded.

import { keepPiece, keptRecordingFor } from "../state/kept-recordings.js";
import { RecordingPanel } from "../voice/recording-panel.js";

/** @import { KeptRecording, Whose } from "../state/kept-recordings.js" */
/** @import { Outcome } from "../voice/recording-panel.js" */

/**
 * @typedef {object} Parts of the composer
 * @property {HTMLElement} form
 * @property {HTMLElement} line gives its place to the recording
 * @property {HTMLElement} note
 * @property {HTMLElement} undo
 * @property {HTMLButtonElement} undoDiscard
 * @property {HTMLButtonElement} mic
 */

export class Recorder {
	/** @type {RecordingPanel | null} the recording under way */
	current = null;

	/**
	 * @param {Parts} parts
	 * @param {string} partnerId
	 * @param {Pick<Outcome, "send" | "refused">} outcome
	 */
	constructor(parts, partnerId, outcome) {
		this.parts = parts;
		this.partnerId = partnerId;
		this.outcome = outcome;
	}

	start() {
		const panel = this.#open({ partnerId: this.partnerId, startedAt: Date.now() });
		panel.start();
		return panel;
	}

	/** What was recorded for this person and not sent, before a reload or a look elsewhere. */
	async offerKept() {
		const kept = await keptRecordingFor(this.partnerId);
		const isFree = !this.current && this.parts.form.isConnected;
		if (kept && isFree) this.#open(kept).offer(kept);
	}

	leave() {
		this.current?.leave();
	}

	/** @param {Whose} whose */
	#open(whose) {
		const { line, note, undo } = this.parts;
		note.textContent = "";
		undo.hidden = true;
		line.hidden = true;
		const panel = new RecordingPanel(
			{
				...this.outcome,
				discarded: (recording) => this.#offerUndo(recording),
				closed: () => this.#closed(),
			},
			whose,
		);
		this.current = panel;
		line.after(panel.element);
		panel.focus();
		return panel;
	}

	#closed() {
		this.current = null;
		this.parts.line.hidden = false;
		this.parts.mic.focus();
	}

	/** @param {KeptRecording} recording */
	#offerUndo(recording) {
		const { undo, undoDiscard } = this.parts;
		undo.hidden = false;
		undoDiscard.onclick = () => {
			const { blob, duration: seconds } = recording;
			keepPiece(recording, { index: 1, blob, seconds });
			this.#open(recording).offer(recording);
		};
		undoDiscard.focus();
	}
}
