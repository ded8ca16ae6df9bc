// How a recording travels while it is made: what the server lacks of it goes there, in order, as soon as it can. What
// cannot go yet waits in the browser.

import { backoff } from "../base/backoff.js";
import { listen } from "../dom/elements.js";
import { append, create, PAUSE, progressOf } from "../net/tus.js";
import { forgetOnServer } from "./unfinished.js";

/** @import { ApiError } from "../net/errors.js" */
/** @import { Recording } from "./recording.js" */

const WAIT = { min: 500, max: 15_000 }; // milliseconds between attempts
const MAX_BEGUN = 3; // times that a recording which the server has lost is sent anew
const CONFLICT = 409;
const LOST = [404, 410]; // there is none of this id any more
const NO_SUCH_ROUTE = [404, 405, 501]; // of a server that takes whole recordings only

const LOGGED_OUT = 401;
const REST_TIME = 300; // milliseconds that whoever sends the recording waits for a call under way

/** @typedef {"piece" | "network"} Waking */

let isSupported = true;

export class Journey {
	/** @type {number | null} bytes that the server has; null while it has to be asked */
	#offset = null;
	#attempts = 0;
	#begun = 0;
	#isPausing = false;
	#isResting = false;
	#isOver = false;
	/** @type {Promise<void>} the last call */
	#call = Promise.resolve();
	/** @type {{ event: Waking, resolve: () => void } | null} what it waits for */
	#waiting = null;
	#stopListening = () => {};

	/**
	 * @param {Recording} recording
	 * @param {Record<string, string>} metadata
	 */
	constructor(recording, metadata) {
		this.recording = recording;
		this.metadata = metadata;
	}

	/** The recording's id on the server, null while there is none. */
	get id() {
		return this.recording.notes.id;
	}

	start() {
		if (!isSupported || this.#isOver) return;
		this.recording.onPiece = () => {
			this.#isPausing = false; // they go on
			this.#happened("piece");
		};
		this.#stopListening = listen(window, "online", () => {
			this.#attempts = 0;
			this.#happened("network");
		});
		this.#run();
	}

	/** Its speaker has stopped: once the server has all of it, it is told to settle the words, which they look at now. */
	pause() {
		this.#isPausing = true;
		this.#happened("piece");
	}

	/**
	 * Nothing more goes by itself, since what is left is sent with the recording's end: of two calls that bring the same
	 * bytes, one would be refused and have to ask how far the server is. Resolves when no call is under way, or after
	 * `REST_TIME`.
	 */
	async rest() {
		this.#isResting = true;
		const tooLong = new Promise((resolve) => setTimeout(resolve, REST_TIME));
		await Promise.race([this.#call.catch(() => {}), tooLong]);
	}

	/** Ends it where it is. The recording stays as it is, here and there. */
	stop() {
		this.#isOver = true;
		this.#stopListening();
		this.#waiting?.resolve();
	}

	async #run() {
		while (!this.#isOver) await (this.#hasNothingToDo() ? this.#until("piece") : this.#tryStep());
	}

	async #tryStep() {
		try {
			this.#call = this.#step();
			await this.#call;
		} catch (error) {
			if (this.#isOver) return;
			this.#failed(/** @type {ApiError} */ (error));
			this.#attempts += 1;
			if (!this.#isOver) await this.#pause(/** @type {ApiError} */ (error));
		}
	}

	#hasAll() {
		return this.#offset === this.recording.blob.size;
	}

	#hasNothingToDo() {
		return this.#isResting || this.recording.blob.size === 0 || (this.#hasAll() && !this.#isPausing);
	}

	async #step() {
		const { id } = this;
		if (id === null) await this.#begin();
		else if (this.#offset === null) this.#offset = (await progressOf(id)).offset;
		else this.#offset = await this.#append(id, this.#offset);
		if (!this.#isOver) this.recording.note({ offset: this.#offset ?? 0 });
	}

	async #begin() {
		this.#begun += 1;
		const { type } = this.recording;
		const id = await create({ filetype: type, ...this.metadata });
		if (this.#isOver) {
			forgetOnServer(id); // nobody else can: they did not know of it when they ended this
			return;
		}
		this.recording.note({ id });
		this.#offset = 0;
	}

	/**
	 * @param {string} id
	 * @param {number} offset
	 */
	async #append(id, offset) {
		const tellsPause = this.#hasAll();
		const after = await append(id, offset, this.recording.blob.slice(offset), tellsPause ? PAUSE : {});
		this.#attempts = 0;
		if (tellsPause) this.#isPausing = false;
		return after;
	}

	/** @param {ApiError} error */
	#failed({ status, isTransient = false }) {
		const isLost = LOST.includes(status) && this.id !== null;
		if (isLost && this.#begun < MAX_BEGUN) this.recording.note({ id: null, offset: 0, heard: null });
		else if (status === CONFLICT) this.#offset = null;
		else if (!isTransient) this.#giveUp(status);
	}

	/** The recording is uploaded as a whole when it is sent, unless it can go on after the next log-in. */
	#giveUp(status = 0) {
		if (this.id === null && NO_SUCH_ROUTE.includes(status)) isSupported = false;
		if (status !== LOGGED_OUT) this.recording.note({ id: null, offset: 0 });
		this.stop();
	}

	/**
	 * What is no trouble of the server's or the network's is tried otherwise at once, the first time.
	 * @param {ApiError} error
	 */
	async #pause({ isTransient = false, retryAfter = 0 }) {
		if (!isTransient && this.#attempts === 1) return;
		const time = Math.max(backoff(this.#attempts - 1, WAIT), retryAfter * 1_000);
		await this.#until("network", time);
	}

	/**
	 * @param {Waking} event
	 * @param {number} [time] milliseconds after which it goes on anyway
	 * @returns {Promise<void>}
	 */
	#until(event, time) {
		return new Promise((resolve) => {
			this.#waiting = { event, resolve };
			if (time) setTimeout(resolve, time);
		});
	}

	/** @param {Waking} event */
	#happened(event) {
		if (this.#waiting?.event === event) this.#waiting.resolve();
	}
}
