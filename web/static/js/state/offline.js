// What can be read without a network: the list of conversations, and the newest messages of those used last. Only the person
// who is signed in finds theirs; signing out removes everything.

import { on } from "../base/events.js";
import { LAST_ID } from "../base/ids.js";
import { fetchHistory } from "../net/api.js";
import { me, session } from "../net/session.js";
import { BoundedStore } from "./bounded-store.js";
import { forgetRecording } from "./heard.js";

/** @import { LoadedMessage } from "../page.js" */
/** @import { ConversationSummary, Message } from "../wire.js" */
/** @import { History } from "./history.js" */

const MAX_CONVERSATIONS = 50; // with their messages
const MAX_MESSAGES = 200; // of each
const MAX_BYTES = 20 * 2 ** 20; // of all of them
const MAX_LISTED = 100; // conversations in the list
const FETCHED_AHEAD = 10; // conversations, the newest, whose messages are fetched without having been opened
const SETTLED = 1_000; // milliseconds; one write for a burst of changes
const LIST = ""; // its key, beside the partners' ids

/** @type {BoundedStore<any>} */
const store = new BoundedStore("chattergram-offline", { entries: MAX_CONVERSATIONS + 1, bytes: MAX_BYTES });

/** @type {Map<string, () => Promise<void>>} what is to be written, by its key */
const waiting = new Map();
/** @type {ReturnType<typeof setTimeout> | null} */
let timer = null;

/**
 * Keeps what is loaded, whenever it changes.
 * @param {() => ConversationSummary[]} list of the conversations, newest first
 */
export function startKeeping(list) {
	on("conversations", () => later(LIST, () => keepList(list())));
	on("history", (history) => {
		if (history.loaded && history.atEnd && !history.isKept) later(history.partnerId, () => keepHistory(history));
	});
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) writeAll();
	});
}

/**
 * @param {string} key
 * @param {() => Promise<void>} write
 */
function later(key, write) {
	waiting.set(key, write);
	timer ??= setTimeout(writeAll, SETTLED);
}

async function writeAll() {
	if (timer !== null) clearTimeout(timer);
	timer = null;
	const writes = [...waiting.values()];
	waiting.clear();
	for (const write of writes) await write().catch(() => {}); // a browser that keeps nothing can be read while online
}

/**
 * @param {string} key
 * @param {unknown} value
 */
async function keep(key, value) {
	if (!session.token) return;
	await store.put(me()._id, key, value, JSON.stringify(value).length);
}

/** @param {ConversationSummary[]} conversations */
async function keepList(conversations) {
	if (conversations.length) await keep(LIST, conversations.slice(0, MAX_LISTED));
}

/** @param {History} history */
async function keepHistory({ partnerId, messages }) {
	const newest = messages.slice(-MAX_MESSAGES).map(asSent);
	const before = (await keptMessages(partnerId)) ?? [];
	const known = new Map(newest.map((message) => [message._id, message]));
	for (const { _id, audioFileId } of before) if (audioFileId && known.get(_id)?.deletedAt) forgetRecording(audioFileId);
	await keep(partnerId, newest);
}

/**
 * A message without what only the loaded page knows of it.
 * @param {LoadedMessage} message
 * @returns {Message}
 */
function asSent({ at, version, failure, transcribingAgain, correcting, ...message }) {
	return message;
}

/**
 * The messages with somebody that are kept here, ascending; null when there are none.
 * @param {string} partnerId
 * @returns {Promise<Message[] | null>}
 */
export const keptMessages = (partnerId) => store.get(me()._id, partnerId).catch(() => null);

/**
 * The list of conversations that is kept here.
 * @returns {Promise<ConversationSummary[]>}
 */
export const keptConversations = async () => (await store.get(me()._id, LIST).catch(() => null)) ?? [];

/**
 * Fetches the messages of the newest conversations where those kept here are older, one after the other.
 * @param {ConversationSummary[]} conversations newest first
 * @returns {Promise<void>} throws an ApiError as soon as one cannot be fetched
 */
export async function keepAhead(conversations) {
	for (const { partner, lastMessage } of conversations.slice(0, FETCHED_AHEAD)) {
		const kept = await keptMessages(partner._id);
		const isKept = kept?.some(({ _id }) => _id === lastMessage._id);
		if (!isKept && session.token) {
			await keep(partner._id, await fetchHistory(partner._id, { before: LAST_ID, limit: MAX_MESSAGES / 2 }));
		}
	}
}

/** @param {string | null} owner whose alone is kept; null for nobody's */
export async function keepTextsOnlyOf(owner) {
	waiting.clear();
	await store.keepOnly(owner);
}
