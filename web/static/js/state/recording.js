// A recording while it is made: its pieces, which the browser keeps at the same time.

import { newId } from "../base/ids.js";
import { dropRecording, keepNotes, keepPiece } from "./kept-recordings.js";
import { forgetOnServer, lookForKept } from "./unfinished.js";

/** @import { RecordingSource } from "../page.js" */
/** @import { KeptRecording, Notes, Piece, Whose } from "./kept-recordings.js" */

/** @typedef {RecordingSource & { blob: Blob, duration: number }} MadeRecording */

/**
 * What pieces go through before they are added, and what it has held back when no more come.
 * @typedef {{ take: (piece: Blob) => Promise<Blob>, rest: () => Blob }} Filter
 */

export class Recording {
	/** @type {Piece[]} */
	pieces = [];
	/** @type {Notes} */
	notes = { id: null, offset: 0, heard: null, correction: null, cutAt: null };
	/** Is told of each piece that is added. */
	onPiece = () => {};
	/** @type {Filter | null} */
	#filter = null;
	/** @type {Promise<void>} the pieces in their order, since one may have to be read first */
	#added = Promise.resolve();

	/**
	 * @param {Whose} whose
	 * @param {Partial<KeptRecording>} [kept] what there is of it
	 */
	constructor({ partnerId, startedAt }, { pieces = [], notes = null } = {}) {
		this.whose = { partnerId, startedAt };
		this.pieces = pieces;
		Object.assign(this.notes, notes);
	}

	/** How long it is. */
	get seconds() {
		return this.pieces.at(-1)?.seconds ?? 0;
	}

	/** Its media type, "" while there is nothing. */
	get type() {
		return this.pieces[0]?.blob.type ?? "";
	}

	get blob() {
		return this.#joined(this.pieces);
	}

	/** @param {Piece[]} pieces */
	#joined(pieces) {
		const blobs = pieces.map(({ blob }) => blob);
		return new Blob(blobs, { type: this.type });
	}

	/**
	 * How many bytes its first seconds are, as near as its pieces tell.
	 * @param {number} seconds
	 */
	sizeUntil(seconds) {
		const end = this.pieces.findIndex((piece) => piece.seconds >= seconds);
		return this.#joined(end < 0 ? this.pieces : this.pieces.slice(0, end + 1)).size;
	}

	/**
	 * From now on pieces go through this, and those that there are go through it now.
	 * @param {Filter} filter
	 */
	async pass(filter) {
		const passed = this.#added.then(async () => {
			if (!this.pieces.length) return;
			const blob = await filter.take(this.blob);
			this.pieces = [{ index: 1, blob, seconds: this.seconds }];
			await dropRecording(this.whose);
			this.keepAgain();
		});
		this.#filter = filter;
		this.#added = passed;
		await passed;
	}

	/**
	 * From now on what comes goes on from what there is.
	 * @param {Filter} filter
	 */
	goOn(filter) {
		this.#filter = filter;
	}

	/**
	 * @param {Blob} given
	 * @param {number} seconds up to its end
	 */
	add(given, seconds) {
		const filter = this.#filter;
		this.#added = this.#added.then(async () => this.#append(filter ? await filter.take(given) : given, seconds));
	}

	/**
	 * @param {Blob} blob
	 * @param {number} seconds
	 */
	#append(blob, seconds) {
		if (!blob.size) return;
		const piece = { index: (this.pieces.at(-1)?.index ?? 0) + 1, blob, seconds };
		this.pieces.push(piece);
		keepPiece(this.whose, piece);
		this.onPiece();
	}

	/** @param {Partial<Notes>} notes */
	note(notes) {
		Object.assign(this.notes, notes);
		keepNotes(this.whose, this.notes);
	}

	/**
	 * All of it, once every piece is there.
	 * @returns {Promise<MadeRecording>}
	 */
	async made() {
		await this.#added;
		if (this.#filter) this.#append(this.#filter.rest(), this.seconds);
		this.#filter = null;
		return { key: newId(), blob: this.blob, duration: this.seconds };
	}

	/**
	 * Cuts off its end. What the server has cannot be taken back, so this is another recording there.
	 * @param {number} size bytes that are left
	 * @param {number} seconds
	 */
	async cutOff(size, seconds) {
		await dropRecording(this.whose);
		this.pieces = [{ index: 1, blob: this.blob.slice(0, size, this.type), seconds }];
		this.#forgetOnServer();
		Object.assign(this.notes, { heard: null, cutAt: null });
	}

	/** Keeps all of it, after it was dropped or had been elsewhere. */
	keepAgain() {
		for (const piece of this.pieces) keepPiece(this.whose, piece);
		keepNotes(this.whose, this.notes);
	}

	/** It is sent; here it goes. */
	async drop() {
		await dropRecording(this.whose);
		await lookForKept();
	}

	/** It is not to be sent. What can be had back is what this object has. */
	async discard() {
		this.#forgetOnServer();
		await this.drop();
	}

	#forgetOnServer() {
		const { id } = this.notes;
		Object.assign(this.notes, { id: null, offset: 0 });
		if (id !== null) forgetOnServer(id);
	}
}
