// A whole conversation, read page by page beside what is loaded of it: to be kept or printed, or for its voice messages.

import { LAST_ID } from "../base/ids.js";
import { fetchHistory } from "../net/api.js";
import { ApiError } from "../net/errors.js";

/** @import { Message } from "../wire.js" */

const PAGE = 200;
const MAX_MESSAGES = 20_000; // messages kept or printed; older ones are left out, and the result says so
const MAX_ATTEMPTS = 4; // at each page
const PAUSE = 1_000; // milliseconds before another attempt, unless the server says how long

/**
 * The messages from the newest back, a page at a time, each page ascending.
 * @param {string} partnerId
 * @returns {AsyncGenerator<Message[], void>}
 */
export async function* pagesBack(partnerId) {
	let before = LAST_ID;
	while (before) {
		const page = await fetchPatiently(partnerId, before);
		if (page.length) yield page;
		before = page.length < PAGE ? "" : page[0]._id;
	}
}

/**
 * All messages, ascending, but at most the newest `MAX_MESSAGES`.
 * @param {string} partnerId
 * @param {(count: number) => boolean} onProgress is told how many there are so far; returns whether to go on
 * @returns {Promise<{ messages: Message[], isWhole: boolean } | null>} null when it was stopped
 */
export async function wholeHistory(partnerId, onProgress) {
	/** @type {Message[][]} */
	const pages = [];
	let count = 0;
	for await (const page of pagesBack(partnerId)) {
		pages.unshift(page);
		count += page.length;
		if (!onProgress(count)) return null;
		if (count >= MAX_MESSAGES) break;
	}
	const messages = pages.flat();
	return { messages: messages.slice(-MAX_MESSAGES), isWhole: count < MAX_MESSAGES };
}

/**
 * @param {string} partnerId
 * @param {string} before
 */
async function fetchPatiently(partnerId, before) {
	for (let attempt = 1; ; attempt += 1) {
		try {
			return await fetchHistory(partnerId, { before, limit: PAGE });
		} catch (error) {
			const mayRetry = error instanceof ApiError && error.isTransient && attempt < MAX_ATTEMPTS;
			if (!mayRetry) throw error;
			await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1_000 || PAUSE));
		}
	}
}
