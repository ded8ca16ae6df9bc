// The histories of the conversations that have been looked at since the page was loaded.

import { History } from "./history.js";

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
 * Loads the newest messages anew, where they were loaded.
 * @param {string} partnerId
 */
export async function reloadHistory(partnerId) {
	const history = historyWith(partnerId);
	await history.busy?.catch(() => {}); // it may lack some
	if (history.loaded && history.atEnd) await history.loadNewest();
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
