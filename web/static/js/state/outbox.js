// What is on its way out. The browser keeps it until the server has it, and the server takes a `clientId` only once, so
// nothing is lost and nothing is sent twice.

import { BASE } from "../base/addresses.js";
import { backoff } from "../base/backoff.js";
import { emit } from "../base/events.js";
import { newId } from "../base/ids.js";
import { ApiError } from "../net/errors.js";
import { sendMessage, startSending } from "../net/sending.js";
import { me, session } from "../net/session.js";
import { takeMessage } from "./incoming.js";
import * as store from "./outbox-store.js";
import { deliverRecording } from "./travelled.js";

/** @import { Content, OutboxItem } from "../page.js" */

const PAUSE = { min: 1_000, max: 30_000 }; // milliseconds
const CHANNEL = `chattergram-outbox${BASE}`;

/** @type {Map<string, OutboxItem>} by `clientId`; those of the person signed in */
const items = new Map();
/** @type {Set<string>} those the browser keeps */
const kept = new Set();
/** @type {Set<string>} to whom something is being sent */
const sending = new Set();
const tabs = new BroadcastChannel(CHANNEL); // the other tabs of this browser
let attempts = 0;
/** @type {ReturnType<typeof setTimeout> | null} */
let retryTimer = null;

/**
 * What waits for somebody, in the order it was written.
 * @param {string} partnerId
 */
export function waitingFor(partnerId) {
	const forPartner = [...items.values()].filter(({ receiverId }) => receiverId === partnerId);
	return forPartner.sort((one, other) => one.createdAt - other.createdAt);
}

/** Sends when the network is back, and follows what the other tabs add. */
export function startOutbox() {
	startSending();
	tabs.onmessage = flush;
	window.addEventListener("online", () => {
		attempts = 0;
		flush();
	});
}

/**
 * @param {string} receiverId
 * @param {Content} content
 */
export async function enqueue(receiverId, content) {
	const item = { clientId: newId(), userId: me()._id, receiverId, createdAt: Date.now(), ...content };
	items.set(item.clientId, item);
	await save(item);
	flush();
}

/**
 * Sends again what the server has refused.
 * @param {string} clientId
 */
export async function retry(clientId) {
	const item = items.get(clientId);
	if (!item) return;
	item.error = null;
	await save(item);
	flush();
}

/**
 * Drops what was sent, or is not to be.
 * @param {string} clientId
 */
export async function discard(clientId) {
	const item = items.get(clientId);
	if (!item) return;
	items.delete(clientId);
	kept.delete(clientId);
	changed(item);
	await store.remove(clientId).catch(() => {});
	tabs.postMessage("changed");
}

/** Drops everything of mine that waits. */
export async function discardAll() {
	await loadOutbox();
	await Promise.all([...items.keys()].map(discard));
}

/** The recordings of mine that travelled while they were made, and wait to be completed. */
export const travellingIds = () => [...items.values()].flatMap(({ travelled }) => travelled?.id ?? []);

/** How many messages of mine wait. */
export const waitingCount = () => items.size;

/** @param {OutboxItem} item */
const changed = ({ receiverId }) => emit("outbox", receiverId);

/** @param {OutboxItem} item */
async function save(item) {
	changed(item);
	await keep(item);
	tabs.postMessage("changed");
}

/** @param {OutboxItem} item */
async function keep(item) {
	try {
		const { progress, ...lasting } = item;
		await store.put(lasting);
		kept.add(item.clientId);
	} catch {
		// A browser that keeps nothing sends it all the same.
	}
}

/** Reads what this browser keeps; another tab may have added or sent some. */
export async function loadOutbox() {
	const found = await store.readAll().catch(() => null);
	if (!found) return;
	const mine = new Map(found.filter(({ userId }) => userId === session.me?._id).map((item) => [item.clientId, item]));
	for (const [clientId, item] of items) {
		const isGone = kept.has(clientId) && !mine.has(clientId);
		if (isGone) {
			items.delete(clientId);
			changed(item);
		}
	}
	for (const [clientId, item] of mine) {
		const known = items.get(clientId);
		kept.add(clientId);
		items.set(clientId, Object.assign(known ?? {}, { error: null }, item)); // another tab may have tried it again
		changed(item);
	}
}

/** Sends what waits: each conversation in order, by one tab at a time, none held up by another. */
export async function flush() {
	if (retryTimer !== null) clearTimeout(retryTimer);
	retryTimer = null;
	if (!session.token) return;
	await loadOutbox();
	for (const { receiverId } of items.values()) sendTo(receiverId);
}

/** @param {string} receiverId */
function sendTo(receiverId) {
	if (sending.has(receiverId)) return;
	sending.add(receiverId);
	const work = () => sendAll(receiverId).finally(() => sending.delete(receiverId));
	const { locks } = navigator; // only where the page came by https or from this machine
	const done = locks ? locks.request(`${CHANNEL}-${me()._id}-${receiverId}`, work) : work();
	done.catch(flushLater);
}

/** @param {unknown} error */
function flushLater(error) {
	if (retryTimer !== null) return;
	const asked = error instanceof ApiError ? error.retryAfter * 1_000 : 0;
	retryTimer = setTimeout(flush, Math.max(backoff(attempts, PAUSE), asked));
	attempts += 1;
}

/** @param {string} receiverId */
async function sendAll(receiverId) {
	await loadOutbox(); // another tab may have sent some
	let item = nextFor(receiverId);
	while (item) {
		await sendOrRefuse(item);
		attempts = 0;
		item = nextFor(receiverId);
	}
}

/** @param {string} receiverId */
const nextFor = (receiverId) => waitingFor(receiverId).find(({ error }) => !error);

/**
 * Sends one, or notes why the server will never take it.
 * @param {OutboxItem} item
 * @throws whatever may be over later
 */
async function sendOrRefuse(item) {
	try {
		await sendOne(item);
	} catch (error) {
		item.progress = null; // nothing of it is on its way now
		emit("upload", item);
		if (!isFinal(error)) throw error;
		item.error = error.message;
		await save(item);
	}
}

/**
 * @param {unknown} error
 * @returns {error is ApiError}
 */
function isFinal(error) {
	return error instanceof ApiError && !error.isTransient && error.status !== 401; // 401: after the next log-in
}

/** @param {OutboxItem} item */
async function sendOne(item) {
	try {
		await uploadAndSend(item);
	} catch (error) {
		if (!isUploadUnknown(item, error)) throw error;
		item.uploadId = null; // it waited for longer than the server keeps an upload
		item.travelled = null;
		await uploadAndSend(item);
	}
	await discard(item.clientId);
}

/**
 * @param {OutboxItem} item
 * @param {unknown} error
 */
function isUploadUnknown(item, error) {
	return Boolean(item.uploadId) && error instanceof ApiError && error.status === 404;
}

/** @param {OutboxItem} item */
async function uploadAndSend(item) {
	const { receiverId, clientId, text, blob } = item;
	if (blob && !item.uploadId) {
		item.uploadId = await deliverRecording(item);
		await save(item);
	}
	const language = item.language || null;
	const recording = item.uploadId ? { audioFileId: item.uploadId, ...(language && { language }) } : {};
	takeMessage(await sendMessage({ receiverId, clientId, text, ...recording }));
}
