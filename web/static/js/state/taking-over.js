// Going on here with a recording that was begun on another device, and leaving one that was gone on with there.

import { fetchUnfinished } from "../net/api.js";
import { fetchSoFar, progressOf } from "../net/tus.js";
import { keptIds } from "./kept-recordings.js";
import { Recording } from "./recording.js";

/** @import { ApiError } from "../net/errors.js" */
/** @import { UnfinishedRecording } from "../wire.js" */

const GROWTH = 3_000; // milliseconds; one that is being made somewhere grows three times a second

const LOST = [404, 410];
const KEPT_THERE = 20 * 3_600_000; // milliseconds; what the server no longer has after that may have expired

/**
 * Whether a recording that is kept here was sent or discarded on another device. What the server never got is not.
 * @param {Recording} recording
 */
export async function isOver({ notes, blob, whose }) {
	const { id, offset: acknowledged } = notes;
	const isHereOnly = blob.size > acknowledged || Date.now() - whose.startedAt > KEPT_THERE;
	if (id === null || isHereOnly) return false;
	return progressOf(id).then(
		({ offset, length }) => offset === length,
		(/** @type {ApiError} */ { status }) => LOST.includes(status),
	);
}

/**
 * The first of these that nobody is just making; null when there is none.
 * @param {UnfinishedRecording[]} found
 */
export async function firstAtRest(found) {
	const inOtherTabs = await keptIds();
	await new Promise((resolve) => setTimeout(resolve, GROWTH));
	const sizes = new Map((await fetchUnfinished()).map(({ _id, offset }) => [_id, offset]));
	const atRest = found.find(({ _id, offset }) => sizes.get(_id) === offset && !inOtherTabs.has(_id));
	return atRest ? takeOver(atRest) : null;
}

/** @param {UnfinishedRecording} unfinished */
async function takeOver({ _id, receiverId, type, started, offset, seconds, text, words, settled }) {
	const blob = (await fetchSoFar(_id)).slice(0, offset, type);
	const heard = text ? { _id, text, words, settled, seconds } : null;
	const notes = { id: _id, offset, heard, correction: null, cutAt: null };
	const whose = { partnerId: String(receiverId), startedAt: Date.parse(started) };
	return new Recording(whose, { pieces: [{ index: 1, blob, seconds }], notes });
}
