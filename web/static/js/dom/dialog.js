// Questions in a dialog.

import { say } from "../base/sentences.js";
import { letPasswordsBeSeen } from "./password.js";
import { copyTemplate } from "./template.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} confirm what the button says that agrees
 * @property {"primary" | "danger" | "quiet"} [look] of that button; `quiet` tells something, and offers no other choice
 */

/**
 * Returns whether the answer is yes.
 * @param {Question} question
 */
export async function ask(question) {
	const { agreed } = await show(question, false);
	return agreed;
}

/**
 * Asks for the password too. Returns it, or "" when the answer is no.
 * @param {Question} question
 */
export async function askForPassword(question) {
	const { agreed, password } = await show(question, true);
	return agreed ? password : "";
}

/**
 * Asks for one of several. Returns it, null when the answer is no.
 * @param {Question} question
 * @param {HTMLSelectElement} choice
 */
export async function askForChoice(question, choice) {
	const { agreed } = await show(question, false, choice);
	return agreed ? choice.value : null;
}

/**
 * Says something that needs no decision.
 * @param {string} title
 * @param {string} text
 */
export const tell = (title, text) => ask({ title, text, confirm: say("app.allRight"), look: "quiet" });

/**
 * Opens a dialog, which goes away when it is closed: by its button, by Escape, or by a click beside it.
 * @param {HTMLDialogElement} dialog
 * @param {HTMLButtonElement} close
 * @param {() => void} [onClose]
 */
export function openDialog(dialog, close, onClose = () => {}) {
	close.onclick = () => dialog.close();
	dialog.onclick = (event) => {
		if (event.target === dialog) dialog.close(); // its content covers the rest
	};
	dialog.onclose = () => {
		dialog.remove();
		onClose();
	};
	document.body.append(dialog);
	dialog.showModal();
}

/**
 * @param {Question} question
 * @param {boolean} withPassword
 * @param {HTMLElement | null} [field] to be filled in
 * @returns {Promise<{ agreed: boolean, password: string }>}
 */
function show({ title, text, confirm, look = "primary" }, withPassword, field = null) {
	const parts = copyTemplate("dialog", {
		title: HTMLElement,
		text: HTMLElement,
		form: HTMLFormElement,
		secret: HTMLElement,
		password: HTMLInputElement,
		yes: HTMLButtonElement,
		cancel: HTMLButtonElement,
	});
	const dialog = /** @type {HTMLDialogElement} */ (parts.element);
	parts.title.textContent = title;
	parts.text.textContent = text;
	parts.yes.textContent = confirm;
	parts.yes.classList.add(look);
	if (field) parts.text.after(field);
	parts.password.required = withPassword;
	parts.secret.hidden = !withPassword;
	letPasswordsBeSeen(parts.form);
	parts.cancel.hidden = look === "quiet";
	parts.cancel.onclick = () => dialog.close();
	document.body.append(dialog);
	dialog.showModal();
	return new Promise((resolve) => {
		dialog.onclose = () => {
			dialog.remove();
			resolve({ agreed: dialog.returnValue === "yes", password: parts.password.value });
		};
	});
}
