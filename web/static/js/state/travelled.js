// The recordings of messages on their way out, as the server wants them: completed, where they have travelled while they
// were made, else uploaded.

import { emit } from "../base/events.js";
import { ApiError } from "../net/errors.js";
import { upload } from "../net/http.js";

/** @import { OutboxItem } from "../page.js" */

/**
 * Brings an item's recording to the server. Returns the id of the upload that a message can have.
 * @param {OutboxItem} item
 * @throws {ApiError}
 */
export async function deliverRecording(item) {
	return (await completeTravelled(item)) ?? uploadRecording(item);
}

/**
 * From now on, a recording that has travelled is one like others; its end is cut off here.
 * @param {OutboxItem} item
 */
export function uploadWhole(item) {
	const { blob, travelled } = item;
	if (blob && travelled?.cutSize) item.blob = blob.slice(0, travelled.cutSize, blob.type);
	item.travelled = null;
}

/**
 * Null where it has to be uploaded as a whole: it has not travelled, or the server has lost it or does not take it so.
 * @param {OutboxItem} item
 */
async function completeTravelled(item) {
	const { travelled, blob } = item;
	if (!travelled) return null;
	try {
		const { complete } = await import("../net/tus.js");
		await complete(travelled.id, blob ?? null, travelled);
		return travelled.id;
	} catch (error) {
		if (error instanceof ApiError && (error.isTransient || error.status === 401)) throw error;
	}
	uploadWhole(item);
	return null;
}

/** @param {OutboxItem} item */
async function uploadRecording(item) {
	const { audioFileUuid } = await upload(/** @type {Blob} */ (item.blob), item.name ?? "voice", (part) => {
		item.progress = part;
		emit("upload", item);
	});
	return audioFileUuid;
}
