// Recordings that I have begun, on this device or another, and neither sent nor discarded.

import { emit } from "../base/events.js";
import { FORGOTTEN } from "../base/stored.js";
import { discardUnfinished, fetchUnfinished } from "../net/api.js";
import { partnersWithKept } from "./kept-recordings.js";
import { travellingIds } from "./outbox.js";

/** @import { ApiError } from "../net/errors.js" */
/** @import { UnfinishedRecording } from "../wire.js" */

const MAX_FORGOTTEN = 50; // ids; the server itself forgets what nobody goes on with

/** @type {UnfinishedRecording[]} those that the server has */
let there = [];
/** @type {Set<string>} for whom this browser keeps one */
let here = new Set();

/**
 * Looks which there are. A server that takes whole recordings only has none.
 * @returns {Promise<void>}
 */
export async function lookForUnfinished() {
	await lookForKept();
	const found = await fetchUnfinished().catch(() => []);
	const over = new Set([...forgotten(), ...travellingIds()]);
	there = found.filter(({ complete, offset, _id }) => !complete && offset > 0 && !over.has(_id));
	emit("unfinished", null);
	await forgetAll();
}

/** Looks for whom this browser keeps one. */
export async function lookForKept() {
	here = await partnersWithKept();
	emit("conversations", null);
}

/**
 * What the server has for somebody, the newest first.
 * @param {string} partnerId
 */
export const unfinishedFor = (partnerId) => there.filter(({ receiverId }) => receiverId === partnerId).reverse();

/** @param {string} partnerId */
export const hasUnfinished = (partnerId) => here.has(partnerId) || unfinishedFor(partnerId).length > 0;

/**
 * Discards a recording there. If that cannot be done now, it is not offered here any more, and tried again the next time.
 * @param {string} id
 */
export function forgetOnServer(id) {
	there = there.filter(({ _id }) => _id !== id);
	noteForgotten([...forgotten(), id]);
	return forgetAll();
}

/** @returns {string[]} */
const forgotten = () => JSON.parse(localStorage.getItem(FORGOTTEN) ?? "[]");

/** @param {string[]} ids */
const noteForgotten = (ids) => localStorage.setItem(FORGOTTEN, JSON.stringify(ids.slice(-MAX_FORGOTTEN)));

async function forgetAll() {
	for (const id of forgotten()) {
		const isGone = await discardUnfinished(id).then(
			() => true,
			(/** @type {ApiError} */ error) => !error.isTransient,
		);
		if (isGone) noteForgotten(forgotten().filter((each) => each !== id));
	}
}
