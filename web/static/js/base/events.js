// Events between modules that need not know each other.

/** @import { Events } from "../page.js" */

/** @type {Map<string, Set<(detail: any) => void>>} */
const listeners = new Map();

/**
 * Calls `listener` on every event of this name. Returns how to stop.
 * @template {keyof Events} Name
 * @param {Name} name
 * @param {(detail: Events[Name]) => void} listener
 */
export function on(name, listener) {
	const set = listeners.get(name) ?? new Set();
	listeners.set(name, set.add(listener));
	return () => {
		set.delete(listener);
	};
}

/**
 * Listeners are called at once, in the order they came.
 * @template {keyof Events} Name
 * @param {Name} name
 * @param {Events[Name]} detail
 */
export function emit(name, detail) {
	for (const listener of [...(listeners.get(name) ?? [])]) listener(detail);
}
