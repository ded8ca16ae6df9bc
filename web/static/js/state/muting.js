// Whom I have muted: their messages come as ever, and nothing draws attention to them.

import { emit } from "../base/events.js";
import { fetchMuted, mute, unmute } from "../net/api.js";

/** @type {Set<string>} ids */
const muted = new Set();

/** @param {string} id */
export const isMuted = (id) => muted.has(id);

/**
 * What the server says of it.
 * @param {string} id
 * @param {boolean} isNow
 */
export function takeMuted(id, isNow) {
	if (isNow === muted.has(id)) return;
	if (isNow) muted.add(id);
	else muted.delete(id);
	emit("conversations", null);
}

/**
 * Asks whether somebody is muted with whom I have not talked, since only the list of conversations tells it.
 * @param {string} id
 * @returns {Promise<void>} throws an ApiError
 */
export async function lookWhetherMuted(id) {
	const { muted: isNow } = await fetchMuted(id);
	takeMuted(id, isNow);
}

/**
 * Mutes somebody, or no longer. Shows it at once, and takes it back when the server refuses.
 * @param {string} id
 * @param {boolean} isWanted
 */
export async function setMuted(id, isWanted) {
	takeMuted(id, isWanted);
	try {
		await (isWanted ? mute(id) : unmute(id));
	} catch (error) {
		takeMuted(id, !isWanted);
		throw error;
	}
}
