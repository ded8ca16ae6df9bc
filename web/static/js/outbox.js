// What is on its way out. IndexedDB keeps it until the server has it; by its `clientId` it is never there twice.

import { ApiError, api, upload } from "./api.js";
import { emit } from "./bus.js";
import { session } from "./session.js";
import { takeMessage } from "./store.js";

const LEAST_PAUSE = 1_000;
const MOST_PAUSE = 30_000;
const items = new Map(); // clientId -> item, of the person signed in
const stored = new Set(); // those the database holds
const tabs = new BroadcastChannel("chattergram-outbox"); // the other tabs of this browser
const sending = new Set(); // to whom
let attempts = 0;
let database, timer;

const settled = (request) =>
	new Promise((resolve, reject) => {
		request.onsuccess = request.oncomplete = () => resolve(request.result);
		request.onerror = request.onabort = () => reject(request.error);
	});

async function inDatabase(work) {
	if (!database) {
		const opening = indexedDB.open("chattergram", 1);
		opening.onupgradeneeded = () => opening.result.createObjectStore("outbox", { keyPath: "clientId" });
		database = settled(opening);
	}
	const transaction = (await database).transaction("outbox", "readwrite");
	const request = work(transaction.objectStore("outbox"));
	await settled(transaction);
	return request.result;
}

const changed = ({ receiverId }) => emit("outbox", receiverId);

export const waiting = (partnerId) =>
	[...items.values()].filter(({ receiverId }) => receiverId === partnerId).sort((a, b) => a.createdAt - b.createdAt);

export const newId = () => String(crypto.getRandomValues(new BigUint64Array(2)).join("-"));

export async function enqueue(receiverId, content) {
	const item = { clientId: newId(), userId: session.me._id, receiverId, createdAt: Date.now(), ...content };
	items.set(item.clientId, item);
	await save(item);
	flush();
}

export async function retry(item) {
	delete items.get(item.clientId).error;
	await save(items.get(item.clientId));
	flush();
}

export async function discard(item) {
	if (!items.delete(item.clientId)) return;
	stored.delete(item.clientId);
	changed(item);
	await inDatabase((all) => all.delete(item.clientId)).catch(() => {});
	tabs.postMessage("changed");
}

async function save(item) {
	changed(item);
	const { progress, ...kept } = item;
	await inDatabase((all) => all.put(kept)).then(() => stored.add(item.clientId), () => {}); // sent all the same
	tabs.postMessage("changed");
}

/** Reads what this browser keeps; another tab may have added or sent some. */
export async function load() {
	const found = await inDatabase((all) => all.getAll()).catch(() => null);
	if (!found) return;
	const kept = new Map(found.filter(({ userId }) => userId === session.me._id).map((item) => [item.clientId, item]));
	for (const [clientId, item] of items) {
		if (kept.has(clientId) || !stored.has(clientId)) continue;
		items.delete(clientId);
		changed(item);
	}
	for (const [clientId, item] of kept) {
		stored.add(clientId);
		items.set(clientId, Object.assign(items.get(clientId) ?? {}, { error: undefined }, item));
		changed(item);
	}
}

/** Sends what waits: each conversation in order, by one tab at a time, none held up by another. */
export async function flush() {
	clearTimeout(timer);
	timer = undefined;
	if (!session.token) return;
	await load();
	for (const { receiverId } of items.values()) sendTo(receiverId);
}

function sendTo(receiverId) {
	if (sending.has(receiverId)) return;
	sending.add(receiverId);
	const { locks } = navigator;
	const work = () => sendAll(receiverId).finally(() => sending.delete(receiverId));
	(locks ? locks.request(`chattergram-outbox-${session.me._id}-${receiverId}`, work) : work()).catch(later);
}

function later({ retryAfter = 0 }) {
	const pause = Math.min(MOST_PAUSE, LEAST_PAUSE * 2 ** attempts) * (0.5 + Math.random());
	attempts += !timer;
	timer ??= setTimeout(flush, Math.max(pause, retryAfter * 1_000));
}

async function sendAll(receiverId) {
	await load(); // another tab may have sent some
	for (let item; (item = waiting(receiverId).find(({ error }) => !error)); attempts = 0) {
		try {
			await sendOne(item);
		} catch (error) {
			if (!(error instanceof ApiError) || error.passing || error.status === 401) throw error;
			item.error = error.message;
			delete item.progress;
			await save(item);
		}
	}
}

async function sendOne(item, renewed = false) {
	const { receiverId, clientId, text, blob, name } = item;
	if (blob && !item.uploadId) {
		const made = await upload(blob, name, (progress) => {
			item.progress = progress;
			emit("upload", item);
		});
		item.uploadId = made.audioFileUuid;
		await save(item);
	}
	try {
		takeMessage(await api.send({ receiverId, clientId, text, audioFileId: item.uploadId }));
	} catch (error) {
		if (error.status !== 404 || !item.uploadId || renewed) throw error;
		item.uploadId = undefined; // it waited for longer than the server keeps an upload
		return sendOne(item, true);
	}
	return discard(item);
}

tabs.onmessage = flush;
window.addEventListener("online", () => {
	attempts = 0;
	flush();
});
