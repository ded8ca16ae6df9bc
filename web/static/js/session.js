// Who is signed in, in this browser. A tab follows another that signs in or out.

import { emit } from "./bus.js";

const TOKEN = "chattergram.token";
const ME = "chattergram.me";
const kept = localStorage;

/** `farewell`: said instead of other reasons, by who ends the session; the server may close it before it answers. */
export const session = { token: kept[ME] && kept[TOKEN], me: JSON.parse(kept[ME] ?? "null"), farewell: undefined };

export function signedIn({ user, token }) {
	session.token = kept[TOKEN] = token;
	setMe(user);
}

export function setMe(user) {
	session.me = user;
	kept[ME] = JSON.stringify(user);
	emit("me");
}

/** Forgets the token; `reason` is shown on the log-in page. What waits in the outbox stays for the next log-in. */
export function signedOut(reason = "") {
	if (!session.token) return;
	session.token = null;
	kept.removeItem(TOKEN);
	kept.removeItem(ME);
	emit("signed-out", session.farewell ?? reason);
}

window.addEventListener("storage", ({ key, newValue }) => {
	if (key === TOKEN && newValue !== session.token) location.assign("/");
	if (key === ME && newValue && session.token) {
		session.me = JSON.parse(newValue);
		emit("me");
	}
});
