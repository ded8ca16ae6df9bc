// Addresses: `/`, `/login`, `/signup`, `/settings`, `/chat/<name>?at=<message>&q=<words>`.

import { emit } from "./events.js";

export { chatPath } from "./addresses.js";

/**
 * @typedef {object} Route
 * @property {string} page "" for the list of conversations, or the first part of the path
 * @property {string} name the partner's, on the page `chat`
 * @property {string | null} at the message to show
 * @property {string} query the words that led to it
 */

/**
 * @param {{ pathname: string, search: string }} address
 * @returns {Route}
 */
export function parseRoute({ pathname, search }) {
	const [, page, name = ""] = pathname.split("/");
	if (page !== "chat" || !name) return { page, name: "", at: null, query: "" };
	const parameters = new URLSearchParams(search);
	return { page, name: decoded(name), at: parameters.get("at"), query: parameters.get("q") ?? "" };
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
 * The way back after logging in: a path of this site, and nothing else.
 * @param {string | null} next
 */
export function safeReturnPath(next) {
	// Browsers take `//host` and `/\host` for another site.
	return next && /^\/(?![/\\])/.test(next) ? next : "/";
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
