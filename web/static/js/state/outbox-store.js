// Where the outbox is kept over a reload: IndexedDB, shared by the tabs of this browser.

import { openStore } from "./database.js";

/** @import { OutboxItem } from "../page.js" */

const inTransaction = openStore("chattergram", "outbox", "clientId");

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
