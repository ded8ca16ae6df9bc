// The histories of the conversations that have been looked at since the page was loaded.

import { OPEN } from "../base/stored.js";
import { History } from "./history.js";

/** @import { Person } from "../wire.js" */

/** Messages that more than fill a screen; the others come while one reads these. */
export const FIRST_PAGE = 50;

/** @type {Map<string, History>} by the partner's id */
const histories = new Map();

/**
 * The history with somebody, empty when it has not been looked at yet.
 * @param {string} partnerId
 */
export function historyWith(partnerId) {
	const history = histories.get(partnerId) ?? new History(partnerId);
	histories.set(partnerId, history);
	return history;
}

/**
 * Notes whose conversation is open, so that it can be loaded at once the next time.
 * @param {Person} partner
 */
export function noteOpen({ _id, username }) {
	sessionStorage.setItem(OPEN, JSON.stringify({ id: _id, name: username }));
}

/**
 * Begins to load the conversation that was open before the page was reloaded, before anybody's name is known.
 * @param {{ id: string, name: string }} address whose conversation it asks for, by name alone if it is an older one
 */
export function loadEarly({ id, name }) {
	const open = JSON.parse(sessionStorage.getItem(OPEN) ?? "null");
	const isOpen = id ? open?.id === id : open?.name === name;
	if (!isOpen || historyWith(open.id).loaded) return;
	historyWith(open.id)
		.loadNewest(FIRST_PAGE)
		.catch(() => {}); // whoever opens it loads it again, and is told
}

/**
 * Forgets what is loaded, but for one open conversation.
 * @param {string | null} openId the partner's
 */
export function forgetHistoriesExcept(openId) {
	for (const history of histories.values()) if (history.partnerId !== openId) history.reset();
}

/** Loads what was only kept in this browser, now that the server can be reached. */
export async function renewKeptHistories() {
	for (const history of histories.values()) if (history.isKept) await history.loadNewest();
}

/**
 * Loads the newest messages anew, where they were loaded: as many as were, as far as one call returns them.
 * @param {string} partnerId
 */
export async function reloadHistory(partnerId) {
	const history = historyWith(partnerId);
	await history.busy?.catch(() => {}); // it may lack some
	if (history.loaded && history.atEnd) await history.loadNewest(Math.max(FIRST_PAGE, history.messages.length));
}

/**
 * Takes in what has changed of the messages that are loaded.
 * @param {string} partnerId
 */
export async function refreshHistory(partnerId) {
	const history = historyWith(partnerId);
	await history.busy?.catch(() => {});
	await history.refresh();
}
