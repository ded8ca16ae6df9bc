// Where the rows of a long list are, though only those near the view are in the page: heights are estimated until a row
// has been seen.

const ESTIMATE = 72; // pixels
const SAME = 0.5; // pixels; a smaller difference is none

export class RowHeights {
	/** @type {string[]} */
	keys = [];
	/** @type {Map<string, number>} pixels by key */
	#heights = new Map();
	/** @type {Map<string, number>} */
	#indexes = new Map();
	/** @type {number[]} where each row begins, and at last where the list ends */
	#offsets = [0];

	/** @param {string[]} keys of all rows, from the top */
	setKeys(keys) {
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
		for (const [key, height] of changed) this.#heights.set(key, height);
		if (changed.length) this.#addUp();
		return changed.length > 0;
	}

	#addUp() {
		let sum = 0;
		this.#offsets = [0];
		for (const key of this.keys) {
			sum += this.#heights.get(key) ?? ESTIMATE;
			this.#offsets.push(sum);
		}
	}

	/** The height of the whole list. */
	get total() {
		return this.#offsets[this.keys.length];
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
		return this.#offsets[this.#indexes.get(key) ?? 0];
	}

	/**
	 * The rows that reach into a stretch of the list, and how much of the list is above and below them.
	 * @param {number} from pixels
	 * @param {number} until
	 */
	within(from, until) {
		const first = this.keys.findIndex((_, index) => this.#offsets[index + 1] > from);
		if (first < 0) return { first: 0, end: 0, above: 0, below: this.total };
		let end = first;
		while (end < this.keys.length && this.#offsets[end] < until) end += 1;
		return { first, end, above: this.#offsets[first], below: this.total - this.#offsets[end] };
	}
}
