// What one can do with a message: its menu, deleting it, transcribing it again.

import { say } from "../base/sentences.js";
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

const againQuestion = () => ({
	title: say("transcript.againQuestion"),
	text: say("transcript.againText"),
	confirm: say("transcript.transcribe"),
});
/** @returns {import("../dom/dialog.js").Question} */
const overwriteQuestion = () => ({
	title: say("transcript.overwriteQuestion"),
	text: say("transcript.overwriteText"),
	confirm: say("transcript.overwrite"),
	look: "danger",
});

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
		return [{ icon: "retry", label: say("transcript.again"), run: () => this.transcribe(message) }];
	}

	/**
	 * @param {LoadedMessage} message
	 * @returns {Entry[]}
	 */
	#ownEntries(message) {
		const edit = { icon: "edit", run: () => this.onEdit(message) };
		const remove = { icon: "trash", label: say("message.delete"), run: () => this.#delete(message) };
		if (message.audioFileId) {
			const correct = { icon: "edit", label: say("transcript.correct"), run: () => this.#correct(message) };
			return [correct, ...this.#voiceEntries(message), remove];
		}
		return [{ ...edit, label: say("message.edit") }, remove];
	}

	/**
	 * Asks for the language first.
	 * @param {LoadedMessage} message
	 */
	async transcribe(message) {
		const choice = languageChoice(
			say("transcript.language"),
			say("transcript.detect"),
			localStorage.getItem(AGAIN) ?? "",
		);
		const language = await askForChoice(againQuestion(), choice);
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
		if (await ask(overwriteQuestion())) await this.#transcribe(message, { ...how, overwrite: true });
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
				announce(say("app.saved"));
			} catch (error) {
				await tell(say("failure.notSaved"), /** @type {Error} */ (error).message);
			}
		};
		return { save, cancel: close };
	}

	/** @param {LoadedMessage} message */
	async #delete({ _id, audioFileId }) {
		const agreed = await ask({
			title: say("message.deleteQuestion"),
			text: say("message.deleteText", { name: this.partner.username }),
			confirm: say("message.delete"),
			look: "danger",
		});
		if (!agreed) return;
		if (audioFileId) stopRecording(audioFileId);
		try {
			await api.deleteMessage(_id);
			announce(say("message.deleted"));
		} catch (error) {
			await tell(say("failure.notDeleted"), /** @type {Error} */ (error).message);
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
	return [{ icon: "copy", label: say("message.copy"), run: () => navigator.clipboard?.writeText(text) }];
}
