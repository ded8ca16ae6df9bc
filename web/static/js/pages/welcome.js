// The pages for those not signed in.

import { time } from "../base/format.js";
import { navigate, safeReturnPath } from "../base/router.js";
import { handleForm } from "../dom/form.js";
import { copyTemplate } from "../dom/template.js";
import { logIn, signUp } from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { signIn } from "../net/session.js";
import { sampleMessage } from "../voice/sample.js";

const REPLIED_AT = /** @type {const} */ ([8, 41]); // in the sample

export function landingPage() {
	const parts = { demo: HTMLElement, credit: HTMLElement, at: HTMLElement };
	const { element, demo, credit, at } = copyTemplate("landing", parts);
	at.textContent = time(new Date().setHours(...REPLIED_AT));
	const sample = sampleMessage();
	demo.append(sample.bubble);
	credit.append(sample.credit);
	return element;
}

/**
 * @param {string} notice why somebody has to log in again
 */
export const loginPage = (notice) => formPage("login", logIn, notice);

/** @param {string} notice */
export const signupPage = (notice) => formPage("signup", signUp, notice);

/**
 * @param {string} template
 * @param {typeof logIn | typeof signUp} submit
 * @param {string} notice
 */
function formPage(template, submit, notice) {
	const { element, form, reason } = copyTemplate(template, { form: HTMLFormElement, reason: HTMLElement });
	reason.textContent = notice;
	handleForm(form, async (values) => {
		signIn(await submit(values).catch(blameField));
		navigate(safeReturnPath(new URLSearchParams(location.search).get("next")), true);
	});
	return element;
}

/**
 * Says at which field a refusal belongs that names none. A wrong address and a wrong password look the same, and the latter
 * is what one types again.
 * @param {Error} error
 * @returns {never}
 */
function blameField(error) {
	const { message } = error;
	const isRefusal = error instanceof ApiError && !error.fields.length;
	if (isRefusal && error.status === 401) error.fields = [{ field: "password", message }];
	if (isRefusal && error.status === 409) {
		error.fields = [{ field: error.code === "email_taken" ? "email" : "username", message }];
	}
	throw error;
}
