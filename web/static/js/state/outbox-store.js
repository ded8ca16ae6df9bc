// Where the outbox is kept over a reload: IndexedDB, shared by the tabs of this browser.

/** @import { OutboxItem } from "../page.js" */

const DATABASE = "chattergram";
const VERSION = 1;
const STORE = "outbox";

/** @type {Promise<IDBDatabase> | null} */
let database = null;

/**
 * @returns {Promise<OutboxItem[]>}
 * @throws {DOMException} when the browser keeps nothing for this site
 */
export const readAll = () => inTransaction((store) => store.getAll());

/**
 * @param {OutboxItem} item
 * @throws {DOMException} as `readAll`, or when the browser has no room
 */
export const put = (item) => inTransaction((store) => store.put(item));

/**
 * @param {string} clientId
 * @throws {DOMException} as `readAll`
 */
export const remove = (clientId) => inTransaction((store) => store.delete(clientId));

/**
 * @template Result
 * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
 */
async function inTransaction(work) {
	database ??= open();
	const transaction = (await database).transaction(STORE, "readwrite");
	const request = work(transaction.objectStore(STORE));
	await new Promise((resolve, reject) => {
		transaction.oncomplete = resolve;
		transaction.onerror = () => reject(transaction.error);
		transaction.onabort = () => reject(transaction.error);
	});
	return request.result;
}

/** @returns {Promise<IDBDatabase>} */
function open() {
	const opening = indexedDB.open(DATABASE, VERSION);
	opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "clientId" });
	return new Promise((resolve, reject) => {
		opening.onsuccess = () => resolve(opening.result);
		opening.onerror = () => reject(opening.error);
	});
}
