// IndexedDB: what this browser keeps, shared by its tabs.

import { BASE } from "../base/addresses.js";

/** @typedef {Record<string, IDBObjectStore>} ObjectStores by name */

/**
 * A database of its own with these stores. Returns what runs one piece of work in all of them, wholly or not at all; that
 * throws a DOMException when the browser keeps nothing for this site, or has no room.
 * @param {string} name
 * @param {Record<string, string | string[]>} keyPaths of the stores, by their names
 */
export function openDatabase(name, keyPaths) {
	/** @type {Promise<IDBDatabase> | null} */
	let database = null;
	/**
	 * @template Result
	 * @param {(stores: ObjectStores) => Result} work
	 */
	return async (work) => {
		database ??= open(name, keyPaths);
		const names = Object.keys(keyPaths);
		const transaction = (await database).transaction(names, "readwrite");
		const result = work(Object.fromEntries(names.map((each) => [each, transaction.objectStore(each)])));
		await new Promise((resolve, reject) => {
			transaction.oncomplete = resolve;
			transaction.onerror = () => reject(transaction.error);
			transaction.onabort = () => reject(transaction.error);
		});
		return result;
	};
}

/**
 * A store of its own in a database of its own, as `openDatabase`.
 * @param {string} name the database's
 * @param {string} storeName
 * @param {string | string[]} keyPath
 */
export function openStore(name, storeName, keyPath) {
	const run = openDatabase(name, { [storeName]: keyPath });
	/**
	 * @template Result
	 * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
	 */
	return async (work) => (await run((stores) => work(stores[storeName]))).result;
}

/**
 * @param {string} name
 * @param {Record<string, string | string[]>} keyPaths
 * @returns {Promise<IDBDatabase>}
 */
function open(name, keyPaths) {
	const opening = indexedDB.open(name + BASE, 1);
	opening.onupgradeneeded = () => {
		for (const [store, keyPath] of Object.entries(keyPaths)) opening.result.createObjectStore(store, { keyPath });
	};
	return new Promise((resolve, reject) => {
		opening.onsuccess = () => resolve(opening.result);
		opening.onerror = () => reject(opening.error);
	});
}
