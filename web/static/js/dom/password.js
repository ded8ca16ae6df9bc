// Passwords that can be looked at while they are typed.

import { say } from "../base/sentences.js";
import { h } from "./elements.js";

/**
 * Puts a button into each password's field that shows what is typed, and hides it again. What is sent is hidden, or browsers
 * would offer it among what was typed before.
 * @param {HTMLFormElement} form
 */
export function letPasswordsBeSeen(form) {
	for (const input of form.querySelectorAll("input")) if (input.type === "password") addButton(form, input);
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 */
function addButton(form, input) {
	const button = h("button.reveal", { "aria-pressed": "false", title: say("account.showOrHide") }, say("account.show"));
	const show = (/** @type {boolean} */ isSeen) => {
		input.type = isSeen ? "text" : "password";
		button.ariaPressed = String(isSeen);
		button.textContent = say(isSeen ? "account.hide" : "account.show");
	};
	button.onclick = () => show(input.type === "password");
	form.addEventListener("submit", () => show(false));
	input.autocapitalize = "none"; // else a phone's keyboard changes what is shown
	input.spellcheck = false;
	input.after(button);
}
