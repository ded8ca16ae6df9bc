// For those not signed in.

import { api } from "./api.js";
import { view } from "./dom.js";
import { form } from "./forms.js";
import { navigate } from "./router.js";
import { signedIn } from "./session.js";

/** The page `landing`, `signup` or `login`; `notice` says why somebody has to log in again. */
export function welcome(page, notice) {
	const parts = view(page);
	if (parts.form) {
		parts.reason.textContent = notice;
		form(parts.form, async (values) => {
			signedIn(await (page === "login" ? api.logIn : api.signUp)(values));
			const next = new URLSearchParams(location.search).get("next") ?? "/";
			navigate(/^\/(?![/\\])/.test(next) ? next : "/", true);
		});
	}
	return parts.element;
}
