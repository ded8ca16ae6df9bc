// Who is signed in, in this browser. A tab follows another that signs in or out.

import { BASE } from "../base/addresses.js";
import { emit } from "../base/events.js";
import { ME, OPEN, TOKEN } from "../base/stored.js";

/** @import { Login, User } from "../wire.js" */

/**
 * @typedef {object} Session
 * @property {string | null} token
 * @property {User | null} me
 * @property {string | null} farewell what the log-in page says in place of any other reason. Set by who ends the
 *   session, because the server may close the socket, and so the session, before it responds
 */

/** @type {Session} */
export const session = restore();

/** @returns {Session} */
function restore() {
	const token = localStorage.getItem(TOKEN);
	const user = localStorage.getItem(ME);
	return { token: user ? token : null, me: user ? JSON.parse(user) : null, farewell: null };
}

/**
 * Me, where somebody must be signed in.
 * @throws {Error} when nobody is
 */
export function me() {
	if (!session.me) throw new Error("Nobody is signed in");
	return session.me;
}

/** @param {Login} login */
export function signIn({ user, token }) {
	session.token = token;
	localStorage.setItem(TOKEN, token);
	setMe(user);
}

/** @param {User} user */
export function setMe(user) {
	session.me = user;
	localStorage.setItem(ME, JSON.stringify(user));
	emit("me", null);
}

/**
 * Forgets the token. What waits in the outbox stays for the next log-in, unless one logs out oneself.
 * @param {string} [reason] for the log-in page
 */
export function signOut(reason = "") {
	if (!session.token) return;
	session.token = null;
	localStorage.removeItem(TOKEN);
	localStorage.removeItem(ME);
	sessionStorage.removeItem(OPEN);
	emit("signed-out", session.farewell ?? reason);
}

/** Follows the other tabs. */
export function startSession() {
	window.addEventListener("storage", ({ key, newValue }) => {
		if (key === TOKEN && newValue !== session.token) location.assign(`${BASE}/`);
		if (key === ME && newValue && session.token) {
			session.me = JSON.parse(newValue);
			emit("me", null);
		}
	});
}
