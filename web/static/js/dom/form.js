// Forms that show what is wrong where it is wrong.

import { say } from "../base/sentences.js";
import { letPasswordsBeSeen } from "./password.js";

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Field */
/** @typedef {Record<string, string>} Values the form's fields by name */

/**
 * What `submit` may throw, as far as a form can show it.
 * @typedef {object} Refusal
 * @property {string} message
 * @property {{ field: string, message: string }[]} [fields]
 * @property {number} [retryAfter] seconds
 */

/**
 * Sends a form by `submit`. The text that it returns is shown below the form; what it throws, beside the field concerned.
 * @param {HTMLFormElement} form
 * @param {(values: any) => Promise<string | void>} submit is given the form's values by field
 */
export function handleForm(form, submit) {
	letPasswordsBeSeen(form);
	form.onsubmit = async (event) => {
		event.preventDefault();
		clearNotes(form);
		const invalid = fieldsOf(form).find(({ validity }) => !validity.valid);
		if (invalid) blame(invalid, faultOf(invalid));
		else await sendForm(form, submit);
	};
}

/**
 * What is wrong with a field, in the language of the page; the browser's own text is in that of the browser.
 * @param {Field} field
 */
function faultOf({ validity, minLength, maxLength }) {
	if (validity.valueMissing) return say("form.missing");
	if (validity.typeMismatch) return say("form.notEmail");
	if (validity.tooShort) return say("form.tooShort", { least: minLength });
	return validity.tooLong ? say("form.tooLong", { most: maxLength }) : say("form.invalid");
}

/** @param {HTMLFormElement} form */
const fieldsOf = (form) => /** @type {Field[]} */ ([...form.querySelectorAll("input, textarea")]);

/** @param {Field} field */
const noteOf = ({ id }) => /** @type {HTMLElement} */ (document.getElementById(`${id}-note`));

/** @param {HTMLFormElement} form */
const statusOf = (form) => /** @type {HTMLElement} */ (form.querySelector(".form-status"));

/** @param {HTMLFormElement} form */
function clearNotes(form) {
	for (const field of fieldsOf(form)) {
		const note = noteOf(field);
		field.ariaInvalid = null;
		note.textContent = note.dataset.hint ?? "";
	}
	statusOf(form).textContent = "";
	statusOf(form).classList.remove("refused");
}

/**
 * @param {HTMLFormElement} form
 * @param {(values: any) => Promise<string | void>} submit
 */
async function sendForm(form, submit) {
	const button = /** @type {HTMLButtonElement} */ (form.querySelector("button:not([type=button])"));
	button.disabled = true;
	try {
		statusOf(form).textContent = (await submit(Object.fromEntries(new FormData(form)))) ?? "";
	} catch (error) {
		showRefusal(form, /** @type {Refusal} */ (error));
	}
	button.disabled = false;
}

/**
 * @param {HTMLFormElement} form
 * @param {Refusal} refusal
 */
function showRefusal(form, { message, fields = [], retryAfter = 0 }) {
	for (const named of fields) {
		const field = fieldsOf(form).find(({ name }) => name === named.field);
		if (field) {
			blame(field, named.message);
			return;
		}
	}
	const wait = retryAfter ? ` ${say("form.tryAgainIn", { minutes: Math.ceil(retryAfter / 60) })}` : "";
	const status = statusOf(form);
	status.textContent = message + wait;
	status.classList.add("refused");
	status.tabIndex = -1;
	status.focus();
}

/**
 * @param {Field} field
 * @param {string} text
 */
function blame(field, text) {
	field.ariaInvalid = "true";
	noteOf(field).textContent = text;
	field.focus();
}
