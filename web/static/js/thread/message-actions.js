// What one can do with a message: its menu, deleting it, transcribing it again.

import { announce } from "../dom/announce.js";
import { AGAIN } from "../base/stored.js";
import { ask, askForChoice, tell } from "../dom/dialog.js";
import { languageChoice } from "../dom/language-choice.js";
import { openMenu } from "../dom/menu.js";
import * as api from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { me } from "../net/session.js";
import { forgetCorrection, isByWord } from "../voice/correction.js";
import { stopRecording } from "../voice/player.js";

/** @import { Entry } from "../dom/menu.js" */
/** @import { LoadedMessage } from "../page.js" */
/** @import { History } from "../state/history.js" */
/** @import { Person } from "../wire.js" */

const AGAIN_QUESTION = {
	title: "Transcribe again?",
	text: "It helps to know which language is spoken.",
	confirm: "Transcribe",
};
/** @type {import("../dom/dialog.js").Question} */
const OVERWRITE_QUESTION = {
	title: "Replace the corrected text?",
	text: "Somebody has corrected this transcript. What is heard now would take the place of their words.",
	confirm: "Replace it",
	look: "danger",
};

export class MessageActions {
	/**
	 * @param {History} history
	 * @param {Person} partner
	 * @param {(message: LoadedMessage) => void} onEdit
	 */
	constructor(history, partner, onEdit) {
		this.history = history;
		this.partner = partner;
		this.onEdit = onEdit;
	}

	/**
	 * @param {HTMLElement} button
	 * @param {LoadedMessage} message
	 */
	openMenu(button, message) {
		const isMine = message.senderId === me()._id;
		const entries = isMine ? this.#ownEntries(message) : this.#voiceEntries(message);
		openMenu(button, [...copyEntries(message), ...entries]);
	}

	/**
	 * @param {LoadedMessage} message
	 * @returns {Entry[]}
	 */
	#voiceEntries(message) {
		if (!message.audioFileId) return [];
		return [{ icon: "retry", label: "Transcribe again", run: () => this.transcribe(message) }];
	}

	/**
	 * @param {LoadedMessage} message
	 * @returns {Entry[]}
	 */
	#ownEntries(message) {
		const edit = { icon: "edit", run: () => this.onEdit(message) };
		const remove = { icon: "trash", label: "Delete", run: () => this.#delete(message) };
		if (message.audioFileId) {
			const correct = { icon: "edit", label: "Correct the transcript", run: () => this.#correct(message) };
			return [correct, ...this.#voiceEntries(message), remove];
		}
		return [{ ...edit, label: "Edit" }, remove];
	}

	/**
	 * Asks for the language first.
	 * @param {LoadedMessage} message
	 */
	async transcribe(message) {
		const choice = languageChoice("Language of the recording", "Detect it", localStorage.getItem(AGAIN) ?? "");
		const language = await askForChoice(AGAIN_QUESTION, choice);
		if (language === null) return;
		localStorage.setItem(AGAIN, language);
		await this.#transcribe(message, { ...(language && { language }), overwrite: false });
	}

	/**
	 * @param {LoadedMessage} message
	 * @param {{ language?: string, overwrite: boolean }} how
	 */
	async #transcribe(message, how) {
		const { _id, text, transcribingAgain } = message;
		this.history.note(_id, { transcribingAgain: true, failure: null });
		try {
			await api.transcribe(_id, how);
		} catch (error) {
			const isConflict = error instanceof ApiError && error.status === 409;
			const { message: failure } = /** @type {Error} */ (error);
			if (!isConflict) this.history.note(_id, { transcribingAgain: false, failure });
			else if (text && !how.overwrite && !transcribingAgain) await this.#overwrite(message, how);
			// else it is under way
		}
	}

	/**
	 * @param {LoadedMessage} message
	 * @param {{ language?: string, overwrite: boolean }} how
	 */
	async #overwrite(message, how) {
		this.history.note(message._id, { transcribingAgain: false });
		if (await ask(OVERWRITE_QUESTION)) await this.#transcribe(message, { ...how, overwrite: true });
	}

	/** @param {LoadedMessage} message */
	#correct(message) {
		if (isByWord(message)) this.history.note(message._id, { correcting: true });
		else this.onEdit(message);
	}

	/**
	 * What becomes of a correction.
	 * @param {LoadedMessage} message
	 */
	correction({ _id, text }) {
		const close = () => {
			forgetCorrection(_id);
			this.history.note(_id, { correcting: false });
		};
		/** @param {string} corrected */
		const save = async (corrected) => {
			try {
				if (corrected !== text) await api.editMessage(_id, corrected);
				close();
				announce("Saved");
			} catch (error) {
				await tell("It was not saved", /** @type {Error} */ (error).message);
			}
		};
		return { save, cancel: close };
	}

	/** @param {LoadedMessage} message */
	async #delete({ _id, audioFileId }) {
		const text = `It will be gone for you and for ${this.partner.username}.`;
		const agreed = await ask({ title: "Delete this message?", text, confirm: "Delete", look: "danger" });
		if (!agreed) return;
		if (audioFileId) stopRecording(audioFileId);
		try {
			await api.deleteMessage(_id);
			announce("Message deleted");
		} catch (error) {
			await tell("It was not deleted", /** @type {Error} */ (error).message);
		}
	}
}

/**
 * @param {LoadedMessage} message
 * @returns {Entry[]}
 */
function copyEntries({ text }) {
	if (!text) return [];
	// Browsers have a clipboard only for pages that came by https.
	return [{ icon: "copy", label: "Copy text", run: () => navigator.clipboard?.writeText(text) }];
}
