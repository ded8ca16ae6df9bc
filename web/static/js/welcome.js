// What those see who are not signed in: what this is, sign-up, log-in.

import { api } from "./api.js";
import { view } from "./dom.js";
import { form } from "./forms.js";
import { navigate } from "./router.js";
import { signedIn } from "./session.js";

const WORD = 330; // milliseconds

/** The page `landing`, `signup` or `login`; `notice` says why somebody has to log in again. */
export function welcome(page, notice) {
	const parts = view(page);
	if (page === "landing") demonstrate(parts);
	else {
		parts.reason.textContent = notice;
		form(parts.form, async (values) => {
			signedIn(await (page === "login" ? api.logIn : api.signUp)(values));
			const next = new URLSearchParams(location.search).get("next") ?? "/";
			navigate(/^\/(?![/\\])/.test(next) ? next : "/", true);
		});
	}
	return parts.element;
}

/** A voice message that reads itself; it stands still for those who want less motion. */
function demonstrate({ controls, words }) {
	const spans = [...words.children];
	let at = 4;
	function next() {
		spans[at].classList.remove("lit");
		at = (at + 1) % spans.length;
		spans[at].classList.add("lit");
		controls.style.setProperty("--played", `${((at + 1) / spans.length) * 100}%`);
	}
	next();
	if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
	const timer = setInterval(() => (words.isConnected ? next() : clearInterval(timer)), WORD);
}
