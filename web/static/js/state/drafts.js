// What I have begun to write to somebody; it is there again after a reload.

import { draftKey } from "../base/stored.js";
import { me } from "../net/session.js";

/** @param {string} partnerId */
const keyFor = (partnerId) => draftKey(me()._id, partnerId);

/** @param {string} partnerId */
export const draftFor = (partnerId) => localStorage.getItem(keyFor(partnerId)) ?? "";

/**
 * @param {string} partnerId
 * @param {string} text
 */
export const keepDraft = (partnerId, text) => localStorage.setItem(keyFor(partnerId), text);

/** @param {string} partnerId */
export const dropDraft = (partnerId) => localStorage.removeItem(keyFor(partnerId));

/**
 * What another tab writes to somebody, or has sent. Returns how to stop.
 * @param {string} partnerId
 * @param {(text: string) => void} listener
 */
export function followDraft(partnerId, listener) {
	const changed = (/** @type {StorageEvent} */ { key, newValue }) => {
		if (key === keyFor(partnerId)) listener(newValue ?? "");
	};
	window.addEventListener("storage", changed);
	return () => window.removeEventListener("storage", changed);
}
