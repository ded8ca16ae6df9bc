// Addresses: `/`, `/login`, `/signup`, `/settings`, `/chat/<id>/<name>?at=<message>&q=<words>`. The name is only there to
// be read. Older addresses are `/chat/<name>`.

import { BASE, withoutBase } from "./addresses.js";
import { emit } from "./events.js";

export { BASE, chatPath } from "./addresses.js";

const ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/; // a ULID

/**
 * @typedef {object} Route
 * @property {string} page "" for the list of conversations, or the first part of the path
 * @property {string} id the partner's, on the page `chat`; "" in an older address
 * @property {string} name the partner's, as it was when the address was made
 * @property {string | null} at the message to show
 * @property {string} query the words that led to it
 */

/**
 * @param {{ pathname: string, search: string }} address
 * @returns {Route}
 */
export function parseRoute({ pathname, search }) {
	const [, page, first = "", ...rest] = withoutBase(pathname).split("/");
	const id = page === "chat" && ID.test(first) ? first : "";
	const name = id ? rest.join("/") : first;
	if (page !== "chat" || !first) return { page, id: "", name: "", at: null, query: "" };
	const parameters = new URLSearchParams(search);
	return { page, id, name: decoded(name), at: parameters.get("at"), query: parameters.get("q") ?? "" };
}

/** @param {string} name */
function decoded(name) {
	try {
		return decodeURIComponent(name);
	} catch {
		return name; // typed by hand
	}
}

export const currentRoute = () => parseRoute(location);

/**
 * The way back after logging in: a path of this page, and nothing else.
 * @param {string | null} next
 */
export function safeReturnPath(next) {
	const path = next?.startsWith(`${BASE}/`) ? withoutBase(next) : "";
	// Browsers take `//host` and `/\host` for another site.
	return next && /^\/(?![/\\])/.test(path) ? next : `${BASE}/`;
}

/**
 * @param {string} path
 * @param {boolean} [replace] takes the place of the current entry in the browser's history
 */
export function navigate(path, replace = path === location.pathname + location.search) {
	if (replace) history.replaceState(null, "", path);
	else history.pushState(null, "", path);
	emit("route", null);
}

/**
 * Puts another address of the same page in the place of this one.
 * @param {string} path
 */
export function correctAddress(path) {
	if (path !== location.pathname + location.search) history.replaceState(null, "", path);
}

/** Lets links within the page and the browser's back and forward change the address without loading the page anew. */
export function startRouter() {
	document.addEventListener("click", followLink);
	window.addEventListener("popstate", () => emit("route", null));
}

/** @param {MouseEvent} event */
function followLink(event) {
	const link = event.target instanceof Element ? event.target.closest("a[href^='/']:not([download]), .skip") : null;
	const path = link?.getAttribute("href");
	if (!path || opensElsewhere(event)) return;
	event.preventDefault();
	if (path.startsWith("#")) focusOn(path);
	else navigate(path);
}

/** @param {MouseEvent} event */
function opensElsewhere({ metaKey, ctrlKey, shiftKey, altKey, button }) {
	return metaKey || ctrlKey || shiftKey || altKey || button !== 0;
}

/** @param {string} selector */
function focusOn(selector) {
	const target = document.querySelector(selector);
	if (target instanceof HTMLElement) target.focus();
}
