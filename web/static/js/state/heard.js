// The recordings that were heard here, so that they can be heard again without a network.

import { fetchRecording } from "../net/api.js";
import { ApiError } from "../net/errors.js";
import { session } from "../net/session.js";
import { BoundedStore } from "./bounded-store.js";

const LIMITS = { entries: 500, bytes: 100 * 2 ** 20 };

/** @type {BoundedStore<Blob>} */
const store = new BoundedStore("chattergram-heard", LIMITS);

/**
 * The bytes of a recording: the server's, which says each time whether I may still hear it, or those kept here when it
 * cannot be reached or is in trouble.
 * @param {string} uuid
 * @throws {ApiError} when neither has it
 */
export async function fetchHeard(uuid) {
	const owner = session.me?._id ?? "";
	try {
		const blob = await fetchRecording(uuid);
		if (session.me?._id === owner) store.put(owner, uuid, blob, blob.size).catch(() => {}); // it was heard all the same
		return blob;
	} catch (error) {
		const isRefused = error instanceof ApiError && !error.isTransient;
		if (isRefused) forgetRecording(uuid);
		const kept = isRefused ? null : await store.get(owner, uuid).catch(() => null);
		if (!kept) throw error;
		return kept;
	}
}

/**
 * For one that is gone, or that I may no longer hear.
 * @param {string} uuid
 */
export function forgetRecording(uuid) {
	store.remove(session.me?._id ?? "", uuid).catch(() => {});
}

/** @param {string | null} owner whose alone are kept; null for nobody's */
export const keepHeardOnlyOf = (owner) => store.keepOnly(owner);
