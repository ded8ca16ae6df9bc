// What is on its way out. IndexedDB keeps it until the server has taken it, so that neither a lost network nor a reload
// loses it; by its `clientId` it is never there twice.

import { ApiError, api, upload } from "./api.js";
import { emit } from "./bus.js";
import { session } from "./session.js";
import { takeMessage } from "./store.js";

const LEAST_PAUSE = 1_000; // milliseconds
const MOST_PAUSE = 30_000;
const items = new Map(); // clientId -> item, of the person signed in
const stored = new Set(); // those the database holds
const tabs = new BroadcastChannel("chattergram-outbox"); // the other tabs of this browser
let attempts = 0;
let database, timer, flushing, again;

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

/** Reads what this browser keeps for this person; another tab may have added or sent some. */
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

/** Sends what waits, each conversation in order; one tab at a time. */
export async function flush() {
	again = Boolean(flushing);
	if (flushing || !session.token) return;
	clearTimeout(timer);
	const lock = navigator.locks;
	flushing = lock ? lock.request(`chattergram-outbox-${session.me._id}`, sendAll) : sendAll();
	const pause = await flushing.catch(() => MOST_PAUSE);
	flushing = null;
	if (again) flush();
	else if (pause) timer = setTimeout(flush, pause);
}

async function sendAll() {
	await load();
	const receivers = new Set([...items.values()].map(({ receiverId }) => receiverId));
	const stops = (await Promise.all([...receivers].map(sendTo))).filter(Boolean);
	const pause = Math.min(MOST_PAUSE, LEAST_PAUSE * 2 ** attempts) * (0.5 + Math.random());
	attempts = stops.length && attempts + 1;
	return stops.length && Math.max(pause, ...stops.map(({ retryAfter = 0 }) => retryAfter * 1_000));
}

/** Answers what made it stop, undefined when all is sent or refused for good. */
async function sendTo(receiverId) {
	for (const item of waiting(receiverId).filter(({ error }) => !error)) {
		try {
			await sendOne(item);
		} catch (error) {
			if (!(error instanceof ApiError) || error.passing || error.status === 401) return error;
			item.error = error.message;
			delete item.progress;
			await save(item);
		}
	}
	return undefined;
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

tabs.onmessage = () => load().then(flush);
window.addEventListener("online", () => {
	attempts = 0;
	flush();
});
