// Going on here with a recording that was begun on another device.

import { fetchUnfinished } from "../net/api.js";
import { fetchSoFar } from "../net/tus.js";
import { keptIds } from "./kept-recordings.js";
import { Recording } from "./recording.js";

/** @import { UnfinishedRecording } from "../wire.js" */

const GROWTH = 3_000; // milliseconds; one that is being made somewhere grows three times a second

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
