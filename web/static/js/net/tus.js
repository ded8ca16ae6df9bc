// Recordings that travel while they are made, by the tus protocol 1.0 (https://tus.io/protocols/resumable-upload) with the
// extensions creation and creation-defer-length (api.js has termination). Each call throws an ApiError when it does not succeed.

import { TUS } from "./api.js";
import { ApiError } from "./errors.js";
import { request } from "./http.js";

const PATH = "/recordings";
const BYTES_A_CALL = 256 * 1024; // a minute of speech; a call of this size ends in time on a slow network too
const TIMEOUT = 60_000; // milliseconds for a call with bytes
const CONFLICT = 409; // the offset is not where the server has got to
const END = Infinity; // the offset of a recording that is complete
const MAX_CONFLICTS = 3; // a call that was on its way when it was sent may still arrive

/** Headers of a piece, perhaps an empty one, behind which its speaker has stopped. */
export const PAUSE = { "Chattergram-Pause": "true" };

/** @param {string} id */
const pathOf = (id) => `${PATH}/${encodeURIComponent(id)}`;

/**
 * Upload-Metadata: keys with values in base64, those without a value left out.
 * @param {Record<string, string>} fields
 */
export function metadataOf(fields) {
	const given = Object.entries(fields).filter(([, value]) => value);
	return given.map(([name, value]) => `${name} ${base64(value)}`).join();
}

/** @param {string} text */
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/**
 * Begins a recording whose length is not known yet. Returns its id.
 * @param {Record<string, string>} metadata
 */
export async function create(metadata) {
	const headers = { ...TUS, "Upload-Defer-Length": "1", "Upload-Metadata": metadataOf(metadata) };
	const response = await request("POST", PATH, { headers });
	const id = response.headers.get("Location")?.split("/").pop();
	if (!id) throw new ApiError(); // somebody else responded, such as the log-in to a network
	return id;
}

/**
 * How much of a recording the server has, and how long it will be, in bytes; null while that is not known.
 * @param {string} id
 */
export async function progressOf(id) {
	const { headers } = await request("HEAD", pathOf(id), { headers: TUS });
	const length = headers.get("Upload-Length");
	return { offset: offsetIn(headers), length: length === null ? null : Number(length) };
}

/** @param {Headers} headers */
function offsetIn(headers) {
	const offset = headers.get("Upload-Offset");
	if (offset === null) throw new ApiError(); // somebody else responded
	return Number(offset);
}

/**
 * Appends what follows `offset`, at most as much as goes into one call. Returns where the server has got to.
 * @param {string} id
 * @param {number} offset
 * @param {Blob} rest
 * @param {Record<string, string>} [headers]
 */
export async function append(id, offset, rest, headers = {}) {
	const response = await request("PATCH", pathOf(id), {
		bytes: rest.slice(0, BYTES_A_CALL),
		headers: {
			...TUS,
			...headers,
			"Content-Type": "application/offset+octet-stream",
			"Upload-Offset": String(offset),
		},
		timeout: TIMEOUT,
	});
	return offsetIn(response.headers);
}

/**
 * Sends what the server lacks of a recording, and says that this is all of it.
 * @param {string} id
 * @param {Blob} blob all of it
 * @param {number} offset where the server has probably got to
 * @param {number | null} [cutAt] the second at which it is cut off
 */
export async function complete(id, blob, offset, cutAt = null) {
	/** @type {Record<string, string>} */
	const last = cutAt === null ? {} : { "Chattergram-Cut-At": String(cutAt) };
	let at = /** @type {number | null} */ (offset);
	let conflicts = 0;
	while (at === null || at < END) {
		try {
			at = at === null ? await reached(id) : await appendRest(id, blob, at, last);
		} catch (error) {
			conflicts += 1;
			const isConflict = /** @type {ApiError} */ (error).status === CONFLICT;
			if (!isConflict || conflicts > MAX_CONFLICTS) throw error;
			at = null;
		}
	}
}

/** @param {string} id */
async function reached(id) {
	const { offset, length } = await progressOf(id);
	return offset === length ? END : offset; // it is complete, and we did not hear of it
}

/**
 * @param {string} id
 * @param {Blob} blob
 * @param {number} offset
 * @param {Record<string, string>} last headers of the last piece
 */
async function appendRest(id, blob, offset, last) {
	const length = Math.max(blob.size, offset); // it may be cut off, or have been gone on with on another device
	const isLast = length - offset <= BYTES_A_CALL;
	const headers = isLast ? { "Upload-Length": String(length), ...last } : {};
	const after = await append(id, offset, blob.slice(offset), headers);
	return isLast ? END : after;
}

/**
 * What the server has of a recording.
 * @param {string} id
 */
export async function fetchSoFar(id) {
	const response = await request("GET", pathOf(id), { timeout: TIMEOUT });
	return response.blob();
}
