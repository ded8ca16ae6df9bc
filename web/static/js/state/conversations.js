// Whom I talk with: each conversation's partner, newest message and number of unread ones, as far as they are loaded.

import { emit } from "../base/events.js";
import { fetchConversations, markRead as sendRead } from "../net/api.js";
import { me } from "../net/session.js";
import { historyWith } from "./histories.js";
import { isMuted, takeMuted } from "./muting.js";
import { person, remember } from "./people.js";

/** @import { Conversation } from "../page.js" */
/** @import { ConversationSummary, Message, MessageChange, ReadReceipt } from "../wire.js" */

export const PAGE = 100;
const SETTLED = 200; // milliseconds; one count for a burst of changes

/** @type {Map<string, Conversation>} by the partner's id */
const conversations = new Map();
/** How much of the list is loaded: any of it, all of it, and down to which newest message. */
const extent = { any: false, all: false, oldest: "" };
/** @type {ReturnType<typeof setTimeout> | null} */
let recountTimer = null;

/** @param {string} partnerId */
export const conversationWith = (partnerId) => conversations.get(partnerId) ?? null;

/** Newest first. */
export function sortedConversations() {
	return [...conversations.values()].sort((one, other) => (one.lastMessage._id < other.lastMessage._id ? 1 : -1));
}

/** The newest message of all; there is none before the first conversation. */
export const newestMessageId = () => sortedConversations().at(0)?.lastMessage._id;

/** Of those who are not muted. */
export function totalUnread() {
	const heard = [...conversations.values()].filter(({ partner }) => !isMuted(partner._id));
	return heard.reduce((sum, { unread }) => sum + unread, 0);
}

/** Whether the list has been loaded at all, so that an empty one means that there is nobody in it. */
export const isListLoaded = () => extent.any;

export const hasMoreConversations = () => extent.any && !extent.all;

/**
 * Shows what this browser has kept of the list until it is loaded.
 * @param {ConversationSummary[]} kept
 */
export function showKept(kept) {
	if (extent.any || !kept.length) return;
	kept.forEach(addSummary);
	emit("conversations", null);
}

/** The list as it is to be kept: nothing before it was loaded. */
export const listToKeep = () => (extent.any ? sortedConversations().map(summaryOf) : []);

/**
 * @param {Conversation} conversation
 * @returns {ConversationSummary}
 */
const summaryOf = ({ partner, lastMessage, unread }) => ({
	partner,
	lastMessage,
	unread,
	muted: isMuted(partner._id),
});

/** Loads the newest conversations: the first ones, or those changed since. */
export async function refreshConversations() {
	const page = await fetchConversations(PAGE, null);
	takeConversations(page);
}

/**
 * Takes in the newest conversations as the server lists them.
 * @param {ConversationSummary[]} page
 */
export function takeConversations(page) {
	if (!extent.any) extent.all = page.length < PAGE;
	addPage(page);
}

/** Loads the next page of older ones. */
export async function loadMoreConversations() {
	const page = await fetchConversations(PAGE, extent.oldest);
	extent.all = page.length < PAGE;
	addPage(page);
}

/** @param {ConversationSummary[]} page */
function addPage(page) {
	page.forEach(addSummary);
	const end = page.at(-1)?.lastMessage._id;
	if (end && (!extent.oldest || end <= extent.oldest)) extent.oldest = end;
	extent.any = true;
	emit("conversations", null);
}

/** @param {ConversationSummary} summary */
function addSummary({ partner, lastMessage, unread, muted = false }) {
	takeMuted(partner._id, muted);
	const known = conversations.get(partner._id);
	const isOvertaken = known && known.lastMessage._id > lastMessage._id; // by what came while the page was on its way
	if (isOvertaken) return;
	const readUpTo = known?.readUpTo ?? "";
	const isRead = lastMessage._id <= readUpTo; // perhaps since the server counted
	const row = { partner: remember(partner), lastMessage, unread: isRead ? 0 : unread };
	conversations.set(partner._id, { ...row, baseline: lastMessage._id, readUpTo });
}

/**
 * Somebody I have talked with, also further down than the list is loaded; null when I have not.
 * @param {string} id
 */
export async function findPartner(id) {
	while (!person(id) && !extent.all) await loadMoreConversations();
	return person(id);
}

/** Lets the server count, where this client cannot know. */
function recountLater() {
	if (recountTimer !== null) clearTimeout(recountTimer);
	recountTimer = setTimeout(() => refreshConversations().catch(() => {}), SETTLED);
}

/**
 * Takes a message into its conversation's row.
 * @param {string} partnerId
 * @param {Message} message
 * @param {boolean} isUnread counts as one more
 */
export async function noteMessage(partnerId, message, isUnread) {
	let row = conversations.get(partnerId);
	if (!row) {
		await refreshConversations().catch(() => {});
		row = conversations.get(partnerId);
		// It may have come behind the list that is shown: several are on their way when several messages come at once.
		if (!row || message._id <= row.baseline) return;
	}
	if (isUnread) row.unread += 1;
	if (message._id >= row.lastMessage._id) row.lastMessage = historyWith(partnerId).byId.get(message._id) ?? message;
	emit("conversations", null);
}

/**
 * @param {string} partnerId
 * @param {MessageChange} change
 */
export function noteChange(partnerId, change) {
	const row = conversations.get(partnerId);
	if (!row) return;
	const mayHaveBeenUnread = change.status === "deleted" && change.senderId === partnerId && row.unread > 0;
	if (mayHaveBeenUnread) recountLater();
	if (row.lastMessage._id !== change._id) return;
	row.lastMessage = { ...row.lastMessage, ...change, status: row.lastMessage.status };
	emit("conversations", null);
}

/**
 * Somebody has read: the partner what I wrote, or I what the partner did, here or on another device.
 * @param {Omit<ReadReceipt, "status">} receipt
 */
export function takeRead({ _id, readerId, partnerId }) {
	if (readerId === me()._id) noteReadByMe(partnerId, _id);
	else historyWith(readerId).notePartnerRead(_id);
}

/**
 * @param {string} partnerId
 * @param {string} upTo
 */
function noteReadByMe(partnerId, upTo) {
	const row = conversations.get(partnerId);
	if (!row) return;
	if (upTo > row.readUpTo) row.readUpTo = upTo;
	const left = countLater(partnerId, upTo);
	if (upTo >= row.lastMessage._id) row.unread = 0;
	else if (left === null) recountLater();
	else row.unread = Math.min(row.unread, left);
	emit("conversations", null);
}

/**
 * How many messages the partner has sent after this one; null when not all of them are loaded.
 * @param {string} partnerId
 * @param {string} id
 */
function countLater(partnerId, id) {
	const { messages, loaded, atEnd, atStart } = historyWith(partnerId);
	const reachesBack = atStart || (messages.length > 0 && messages[0]._id <= id);
	if (!loaded || !atEnd || !reachesBack) return null;
	return messages.filter((each) => each._id > id && each.senderId === partnerId && !each.deletedAt).length;
}

/**
 * I have read what this person wrote, up to this message.
 * @param {string} partnerId
 * @param {string} upTo
 */
export async function markRead(partnerId, upTo) {
	takeRead({ _id: upTo, readerId: me()._id, partnerId });
	try {
		await sendRead(partnerId, upTo);
	} catch (error) {
		const row = conversations.get(partnerId);
		if (row) row.readUpTo = ""; // so that the server's next count is believed
		throw error;
	}
}
