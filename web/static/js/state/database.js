// IndexedDB: what this browser keeps, shared by its tabs.

/**
 * A store of its own in a database of its own. Returns what runs one piece of work in it; that throws a DOMException when
 * the browser keeps nothing for this site, or has no room.
 * @param {string} name the database's
 * @param {string} storeName
 * @param {string | string[]} keyPath
 */
export function openStore(name, storeName, keyPath) {
	/** @type {Promise<IDBDatabase> | null} */
	let database = null;
	/**
	 * @template Result
	 * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
	 */
	return async (work) => {
		database ??= open(name, storeName, keyPath);
		const transaction = (await database).transaction(storeName, "readwrite");
		const request = work(transaction.objectStore(storeName));
		await new Promise((resolve, reject) => {
			transaction.oncomplete = resolve;
			transaction.onerror = () => reject(transaction.error);
			transaction.onabort = () => reject(transaction.error);
		});
		return request.result;
	};
}

/**
 * @param {string} name
 * @param {string} storeName
 * @param {string | string[]} keyPath
 * @returns {Promise<IDBDatabase>}
 */
function open(name, storeName, keyPath) {
	const opening = indexedDB.open(name, 1);
	opening.onupgradeneeded = () => opening.result.createObjectStore(storeName, { keyPath });
	return new Promise((resolve, reject) => {
		opening.onsuccess = () => resolve(opening.result);
		opening.onerror = () => reject(opening.error);
	});
}
