// What one can do with a message: its menu, deleting it, transcribing it again.

import { announce } from "../dom/announce.js";
import { ask, tell } from "../dom/dialog.js";
import { openMenu } from "../dom/menu.js";
import * as api from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { me } from "../net/session.js";
import { stopRecording } from "../voice/player.js";

/** @import { Entry } from "../dom/menu.js" */
/** @import { LoadedMessage } from "../page.js" */
/** @import { History } from "../state/history.js" */

export class MessageActions {
	/**
	 * @param {History} history
	 * @param {string} partnerName
	 * @param {(message: LoadedMessage) => void} onEdit
	 */
	constructor(history, partnerName, onEdit) {
		this.history = history;
		this.partnerName = partnerName;
		this.onEdit = onEdit;
	}

	/**
	 * @param {HTMLElement} button
	 * @param {LoadedMessage} message
	 */
	openMenu(button, message) {
		const isMine = message.senderId === me()._id;
		openMenu(button, [...copyEntries(message), ...(isMine ? this.#ownEntries(message) : [])]);
	}

	/**
	 * @param {LoadedMessage} message
	 * @returns {Entry[]}
	 */
	#ownEntries(message) {
		const edit = { icon: "edit", run: () => this.onEdit(message) };
		const again = { icon: "retry", label: "Transcribe again", run: () => this.transcribe(message) };
		const remove = { icon: "trash", label: "Delete", run: () => this.#delete(message) };
		if (message.audioFileId) return [{ ...edit, label: "Correct the transcript" }, again, remove];
		return [{ ...edit, label: "Edit" }, remove];
	}

	/** @param {LoadedMessage} message */
	async transcribe({ _id }) {
		this.history.note(_id, { transcribingAgain: true, failure: null });
		try {
			await api.transcribe(_id);
		} catch (error) {
			const isUnderWay = error instanceof ApiError && error.status === 409;
			if (isUnderWay) return;
			this.history.note(_id, { transcribingAgain: false, failure: /** @type {Error} */ (error).message });
		}
	}

	/** @param {LoadedMessage} message */
	async #delete({ _id, audioFileId }) {
		const text = `It will be gone for you and for ${this.partnerName}.`;
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
