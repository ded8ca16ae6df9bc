// A store of this browser's that never grows beyond what it may: what was not used for longest goes first.

import { openDatabase } from "./database.js";

/** @typedef {{ owner: string, key: string, bytes: number, usedAt: number }} Use when an entry was used, ms since 1970 */
/** @typedef {{ entries: number, bytes: number }} Limits */

const KEY = ["owner", "key"];

let lastUse = 0;

/** The time in ms since 1970, but later with each call: what is put last must not go first. */
function timeOfUse() {
	lastUse = Math.max(Date.now(), lastUse + 1);
	return lastUse;
}

/** @template Value */
export class BoundedStore {
	#run;
	#limits;

	/**
	 * @param {string} name of its database
	 * @param {Limits} limits
	 */
	constructor(name, limits) {
		this.#run = openDatabase(name, { values: KEY, uses: KEY });
		this.#limits = limits;
	}

	/**
	 * @param {string} owner
	 * @param {string} key
	 * @returns {Promise<Value | null>}
	 * @throws {DOMException} as do the others, when the browser keeps nothing for this site
	 */
	async get(owner, key) {
		/** @type {{ value: Value } | null} */
		let found = null;
		await this.#run(({ values, uses }) => {
			values.get([owner, key]).onsuccess = ({ target }) => {
				found = resultOf(target) ?? null;
			};
			uses.get([owner, key]).onsuccess = ({ target }) => {
				const use = resultOf(target);
				if (use) uses.put({ ...use, usedAt: timeOfUse() });
			};
		});
		return /** @type {{ value: Value } | null} */ (found)?.value ?? null;
	}

	/**
	 * @param {string} owner
	 * @param {string} key
	 * @param {Value} value
	 * @param {number} bytes it takes
	 */
	async put(owner, key, value, bytes) {
		await this.#run(({ values, uses }) => {
			values.put({ owner, key, value });
			uses.put({ owner, key, bytes, usedAt: timeOfUse() });
			uses.getAll().onsuccess = ({ target }) => {
				for (const { owner: whose, key: name } of excess(resultOf(target), this.#limits)) {
					values.delete([whose, name]);
					uses.delete([whose, name]);
				}
			};
		});
	}

	/**
	 * @param {string} owner
	 * @param {string} key
	 */
	async remove(owner, key) {
		await this.#run(({ values, uses }) => {
			values.delete([owner, key]);
			uses.delete([owner, key]);
		});
	}

	/**
	 * Removes everything that is not this person's.
	 * @param {string | null} owner null removes all
	 */
	async keepOnly(owner) {
		await this.#run(({ values, uses }) => {
			uses.getAll().onsuccess = ({ target }) => {
				for (const use of /** @type {Use[]} */ (resultOf(target))) {
					if (use.owner === owner) continue;
					values.delete([use.owner, use.key]);
					uses.delete([use.owner, use.key]);
				}
			};
		});
	}
}

/** @param {EventTarget | null} target */
const resultOf = (target) => /** @type {IDBRequest} */ (target).result;

/**
 * What has to go, so that the rest keeps within the limits.
 * @param {Use[]} uses
 * @param {Limits} limits
 */
export function excess(uses, limits) {
	let entries = 0;
	let bytes = 0;
	return uses
		.toSorted((one, other) => other.usedAt - one.usedAt)
		.filter((use) => {
			entries += 1;
			bytes += use.bytes;
			return entries > limits.entries || bytes > limits.bytes;
		});
}
