// The pages for those not signed in.

import { navigate, safeReturnPath } from "../base/router.js";
import { handleForm } from "../dom/form.js";
import { copyTemplate } from "../dom/template.js";
import { logIn, signUp } from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { signIn } from "../net/session.js";

export const landingPage = () => copyTemplate("landing", {}).element;

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
		signIn(await submit(values).catch(blamePassword));
		navigate(safeReturnPath(new URLSearchParams(location.search).get("next")), true);
	});
	return element;
}

/**
 * The server does not tell whether the address or the password was wrong; the latter is what one types again.
 * @param {Error} error
 * @returns {never}
 */
function blamePassword(error) {
	const isWrong = error instanceof ApiError && error.status === 401;
	if (isWrong) error.fields = [{ field: "password", message: error.message }];
	throw error;
}
