// Where the rows of a long list are, though only those near the view are in the page: heights are estimated until a row
// has been seen.

import { PrefixSums } from "./prefix-sums.js";

/** @import { Stretch } from "./stretch.js" */

const ESTIMATE = 72; // pixels
const SAME = 0.5; // pixels; a smaller difference is none

export class RowHeights {
	/** @type {string[]} */
	keys = [];
	/** @type {Map<string, number>} pixels by key */
	#heights = new Map();
	/** @type {Map<string, number>} */
	#indexes = new Map();
	/** The heights of all rows, measured or estimated. */
	#sums = new PrefixSums([]);

	/** @param {string[]} keys of all rows, from the top */
	setKeys(keys) {
		const isSame = keys.length === this.keys.length && keys.every((key, index) => key === this.keys[index]);
		if (isSame) return;
		this.keys = keys;
		this.#indexes = new Map(keys.map((key, index) => [key, index]));
		this.#addUp();
	}

	/** Forgets what was measured, as when the list became wider or narrower. */
	clear() {
		this.#heights.clear();
		this.#addUp();
	}

	/**
	 * Takes in measured heights. Returns whether one is new.
	 * @param {Iterable<[key: string, height: number]>} measured
	 */
	measure(measured) {
		const changed = [...measured].filter(([key, height]) => Math.abs((this.#heights.get(key) ?? 0) - height) >= SAME);
		for (const [key, height] of changed) {
			const index = this.#indexes.get(key);
			if (typeof index === "number") this.#sums.change(index, height - this.#heightOf(key));
			this.#heights.set(key, height);
		}
		return changed.length > 0;
	}

	/** @param {string} key */
	#heightOf(key) {
		return this.#heights.get(key) ?? ESTIMATE;
	}

	#addUp() {
		this.#sums = new PrefixSums(this.keys.map((key) => this.#heightOf(key)));
	}

	/** The height of the whole list. */
	get total() {
		return this.#sums.sumOf(this.keys.length);
	}

	/** @param {string} key */
	has(key) {
		return this.#indexes.has(key);
	}

	/**
	 * Where a row begins, pixels from the top of the list.
	 * @param {string} key
	 */
	topOf(key) {
		return this.#sums.sumOf(this.#indexes.get(key) ?? 0);
	}

	/**
	 * The rows that reach into a part of the list.
	 * @param {number} from pixels
	 * @param {number} until
	 * @returns {Stretch}
	 */
	within(from, until) {
		const { length } = this.keys;
		const first = this.#sums.countWithin(from);
		if (first === length) return { first, end: first };
		let end = Math.min(length, this.#sums.countWithin(until) + 1);
		if (this.#sums.sumOf(end - 1) >= until) end -= 1; // that row only begins where the part ends
		return { first, end: Math.max(first, end) };
	}

	/**
	 * How much of the list is above and below some of its rows, in pixels.
	 * @param {Stretch} rows
	 */
	outside({ first, end }) {
		return { above: this.#sums.sumOf(first), below: this.total - this.#sums.sumOf(end) };
	}
}
