// Many numbers of which the sum of the first so many is asked for often: a Fenwick tree. Changing one and asking take a
// time that grows with the logarithm of how many there are.

export class PrefixSums {
	/** @type {Float64Array} at i the sum of the lowest set bit of i many numbers that end with number i - 1 */
	#tree;

	/** @param {number[]} numbers none below 0 */
	constructor(numbers) {
		this.length = numbers.length;
		this.#tree = new Float64Array(this.length + 1);
		this.#tree.set(numbers, 1);
		for (let at = 1; at <= this.length; at += 1) {
			const parent = at + (at & -at);
			if (parent <= this.length) this.#tree[parent] += this.#tree[at];
		}
	}

	/**
	 * Makes a number larger or smaller.
	 * @param {number} index
	 * @param {number} difference
	 */
	change(index, difference) {
		for (let at = index + 1; at <= this.length; at += at & -at) this.#tree[at] += difference;
	}

	/**
	 * The sum of the first so many.
	 * @param {number} count
	 */
	sumOf(count) {
		let sum = 0;
		for (let at = count; at > 0; at -= at & -at) sum += this.#tree[at];
		return sum;
	}

	/**
	 * How many of the first ones together stay within a limit.
	 * @param {number} limit
	 */
	countWithin(limit) {
		let count = 0;
		let left = limit;
		for (let step = 2 ** Math.floor(Math.log2(this.length || 1)); step >= 1; step /= 2) {
			const next = count + step;
			if (next > this.length || this.#tree[next] > left) continue;
			count = next;
			left -= this.#tree[next];
		}
		return count;
	}
}
