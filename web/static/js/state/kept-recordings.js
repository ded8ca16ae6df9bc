// What has been recorded and neither sent nor discarded. It is kept piece by piece while one speaks, so that neither a
// reload nor another page loses it.

import { BASE } from "../base/addresses.js";
import { me } from "../net/session.js";
import { openStore } from "./database.js";

const inTransaction = openStore("chattergram-recordings", "pieces", ["userId", "partnerId", "startedAt", "index"]);

/** @typedef {{ partnerId: string, startedAt: number }} Whose for whom a recording is, and when it began (ms since 1970) */
/** @typedef {{ userId: string, index: number, blob: Blob, seconds: number }} PieceFields `seconds` up to its end */
/** @typedef {Whose & PieceFields} Piece */
/** @typedef {Whose & { blob: Blob, duration: number }} KeptRecording */

/** @param {Whose} whose */
const lockName = ({ startedAt }) => `chattergram.recording.${startedAt}${BASE}`;

/**
 * Until it is let go, no other tab offers this recording. Browsers have such locks for pages that came by https.
 * @param {Whose} whose
 * @returns {() => void} lets it go
 */
export function holdRecording(whose) {
	/** @type {() => void} */
	let letGo = () => {};
	const held = new Promise((resolve) => {
		letGo = () => resolve(null);
	});
	navigator.locks?.request(lockName(whose), () => held);
	return letGo;
}

/**
 * @param {Whose} whose
 * @param {{ index: number, blob: Blob, seconds: number }} piece
 */
export async function keepPiece({ partnerId, startedAt }, { index, blob, seconds }) {
	const piece = { userId: me()._id, partnerId, startedAt, index, blob, seconds };
	await inTransaction((store) => store.put(piece)).catch(() => {}); // then it is only in memory
}

/** @param {Whose} whose */
export async function dropRecording({ partnerId, startedAt }) {
	const range = IDBKeyRange.bound([me()._id, partnerId, startedAt, 0], [me()._id, partnerId, startedAt, Infinity]);
	await inTransaction((store) => store.delete(range)).catch(() => {});
}

/** Drops everything I have recorded and not sent. */
export async function dropAllRecordings() {
	const range = IDBKeyRange.bound([me()._id], [me()._id, []]); // arrays sort after all else
	await inTransaction((store) => store.delete(range)).catch(() => {});
}

/**
 * The newest for somebody that no tab has in hand; null when there is none.
 * @param {string} partnerId
 * @returns {Promise<KeptRecording | null>}
 */
export async function keptRecordingFor(partnerId) {
	const range = IDBKeyRange.bound([me()._id, partnerId, 0, 0], [me()._id, partnerId, Infinity, Infinity]);
	/** @type {Piece[]} */
	const pieces = await inTransaction((store) => store.getAll(range)).catch(() => []);
	const locks = await navigator.locks?.query();
	const held = new Set(locks?.held?.map(({ name }) => name));
	const startedAt = pieces.findLast((piece) => !held.has(lockName(piece)))?.startedAt;
	if (!startedAt) return null;
	const own = pieces.filter((piece) => piece.startedAt === startedAt);
	const type = own[0].blob.type;
	const blob = new Blob(
		own.map((piece) => piece.blob),
		{ type },
	);
	return { partnerId, startedAt, blob, duration: own[own.length - 1].seconds };
}
