// The recordings of messages on their way out, as the server wants them: completed, where they have travelled while they
// were made, else uploaded.

import { emit } from "../base/events.js";
import { ApiError } from "../net/errors.js";
import { upload } from "../net/http.js";

/** @import { OutboxItem } from "../page.js" */

const GONE = [404, 410];

/**
 * Brings an item's recording to the server. Returns the id of the upload that a message can have.
 * @param {OutboxItem} item
 * @throws {ApiError}
 */
export async function deliverRecording(item) {
	return (await completeTravelled(item)) ?? uploadRecording(item);
}

/**
 * Null where it has to be uploaded as a whole: it has not travelled, or the server has lost it or does not take it so.
 * @param {OutboxItem} item
 */
async function completeTravelled(item) {
	const { travelled, blob } = item;
	if (!travelled || !blob) return null;
	try {
		const { complete } = await import("../net/tus.js");
		await complete(travelled.id, blob, travelled.offset, travelled.cutAt);
		return travelled.id;
	} catch (error) {
		const { isTransient = false, status = 0 } = error instanceof ApiError ? error : {};
		if (isTransient || status === 401) throw error;
		if (GONE.includes(status)) return travelled.id; // another device may have sent it; sending it tells
	}
	item.travelled = null;
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
