// What has been recorded and neither sent nor discarded. It is kept piece by piece while one speaks, so that neither a
// reload nor another page loses it.

import { BASE } from "../base/addresses.js";
import { me } from "../net/session.js";
import { openStore } from "./database.js";

/** @import { Captions } from "../wire.js" */

const inTransaction = openStore("chattergram-recordings", "pieces", ["userId", "partnerId", "startedAt", "index"]);
const NOTES = 0; // the index of what is no piece: how far the recording has travelled, and what was heard in it

/** @typedef {{ partnerId: string, startedAt: number }} Whose for whom a recording is, and when it began (ms since 1970) */
/** @typedef {{ index: number, blob: Blob, seconds: number }} Piece counted from 1; `seconds` up to its end */
/**
 * How a recording has travelled, and what its speaker has made of its words.
 * @typedef {object} Notes
 * @property {string | null} id the recording's on the server
 * @property {number} offset bytes that the server has
 * @property {Captions | null} heard
 * @property {Correction | null} correction
 * @property {number | null} cutAt seconds
 */
/** @typedef {{ text: string, until: number }} Correction `text` takes the place of what was heard before that second */
/** @typedef {Whose & { pieces: Piece[], notes: Notes | null }} KeptRecording */
/** @typedef {Whose & Piece & { userId: string, notes?: Notes }} Row */

/** @param {Whose} whose */
const lockName = ({ startedAt }) => `chattergram.recording.${startedAt}${BASE}`;

/**
 * Until it is let go, no other tab offers this recording. Browsers have such locks for pages that came by https.
 * @param {Whose} whose
 * @returns {() => Promise<void>} lets it go
 */
export function holdRecording(whose) {
	/** @type {() => void} */
	let letGo = () => {};
	const held = new Promise((resolve) => {
		letGo = () => resolve(null);
	});
	const released = navigator.locks?.request(lockName(whose), () => held);
	return async () => {
		letGo();
		await released;
	};
}

/**
 * @param {Whose} whose
 * @param {Piece} piece
 */
export const keepPiece = (whose, piece) => keep(whose, piece);

/**
 * @param {Whose} whose
 * @param {Notes} notes
 */
export const keepNotes = (whose, notes) => keep(whose, { index: NOTES, notes });

/**
 * @param {Whose} whose
 * @param {Piece | { index: number, notes: Notes }} fields
 */
async function keep({ partnerId, startedAt }, fields) {
	const row = { userId: me()._id, partnerId, startedAt, ...fields };
	await inTransaction((store) => store.put(row)).catch(() => {}); // then it is only in memory
}

/** @param {Whose} whose */
export async function dropRecording({ partnerId, startedAt }) {
	const range = IDBKeyRange.bound([me()._id, partnerId, startedAt, 0], [me()._id, partnerId, startedAt, Infinity]);
	await inTransaction((store) => store.delete(range)).catch(() => {});
}

const allMine = () => IDBKeyRange.bound([me()._id], [me()._id, []]); // arrays sort after all else

/** Drops everything I have recorded and not sent. */
export async function dropAllRecordings() {
	await inTransaction((store) => store.delete(allMine())).catch(() => {});
}

/**
 * The newest for somebody that no tab has in hand; null when there is none.
 * @param {string} partnerId
 * @returns {Promise<KeptRecording | null>}
 */
export async function keptRecordingFor(partnerId) {
	const range = IDBKeyRange.bound([me()._id, partnerId, 0, 0], [me()._id, partnerId, Infinity, Infinity]);
	/** @type {Row[]} */
	const rows = await inTransaction((store) => store.getAll(range)).catch(() => []);
	const locks = await navigator.locks?.query();
	const held = new Set(locks?.held?.map(({ name }) => name));
	const startedAt = rows.findLast((row) => row.index !== NOTES && !held.has(lockName(row)))?.startedAt;
	if (!startedAt) return null;
	const own = rows.filter((row) => row.startedAt === startedAt);
	const notes = own.find(({ index }) => index === NOTES)?.notes ?? null;
	return { partnerId, startedAt, pieces: own.filter(({ index }) => index !== NOTES), notes };
}

/** For whom something of mine is kept here. */
export async function partnersWithKept() {
	const keys = await inTransaction((store) => store.getAllKeys(allMine())).catch(() => []);
	const found = /** @type {[string, string, number, number][]} */ (keys);
	return new Set(found.filter(([, , , index]) => index !== NOTES).map(([, partnerId]) => partnerId));
}

/** The ids that those kept here have on the server. */
export async function keptIds() {
	/** @type {Row[]} */
	const rows = await inTransaction((store) => store.getAll(allMine())).catch(() => []);
	return new Set(rows.flatMap(({ notes }) => notes?.id ?? []));
}
