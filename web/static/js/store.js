// What this client knows: conversations, people and their presence, loaded histories.

import { api } from "./api.js";
import { emit } from "./bus.js";
import { History } from "./history.js";
import { session } from "./session.js";

const PAGE = 100;
const TYPING = 6_000;
const SETTLED = 200;

export const conversations = new Map(); // partner id -> {partner, lastMessage, unread, baseline, read}
const people = new Map();
const histories = new Map();
const typing = new Map(); // id -> timer
const counted = new Set(); // incoming messages that are in an unread count
let counting;
export const listed = { first: false, all: false, oldest: undefined };

export const person = (id) => people.get(id);
export const isTyping = (id) => typing.has(id);

const partnerOf = ({ senderId, receiverId }) => (senderId === session.me._id ? receiverId : senderId);

const personNamed = (name) => [...people.values()].find(({ username }) => username.toLowerCase() === name.toLowerCase());

export function remember(found) {
	const known = Object.assign(people.get(found._id) ?? {}, found);
	people.set(known._id, known);
	return known;
}

export async function findPerson(name) {
	if (!personNamed(name)) (await api.people(name, 50)).forEach(remember);
	return personNamed(name);
}

export async function findPartner(id) {
	while (!people.has(id) && !listed.all) await loadConversations();
	return people.get(id);
}

export function history(partnerId) {
	if (!histories.has(partnerId)) histories.set(partnerId, new History(partnerId));
	return histories.get(partnerId);
}

export const sorted = () =>
	[...conversations.values()].sort((one, other) => (one.lastMessage._id < other.lastMessage._id ? 1 : -1));

export const totalUnread = () => [...conversations.values()].reduce((sum, { unread }) => sum + unread, 0);

/** Loads the newest conversations, or (not `fresh`) the next page. */
export async function loadConversations(fresh = false) {
	const page = await api.conversations(PAGE, fresh ? undefined : listed.oldest);
	for (const { partner, lastMessage, unread } of page) {
		const known = conversations.get(partner._id);
		if (known?.lastMessage._id > lastMessage._id) continue; // this came while the page was on its way
		const read = known?.read; // up to here by me, perhaps since the server counted
		const row = { partner: remember(partner), lastMessage, unread, baseline: lastMessage._id, read };
		if (row.baseline <= read) row.unread = 0;
		conversations.set(partner._id, row);
	}
	if (!fresh || !listed.first) listed.all = page.length < PAGE;
	const end = page.at(-1)?.lastMessage._id;
	if (end && !(listed.oldest < end)) listed.oldest = end;
	listed.first = true;
	emit("conversations");
}

/** Lets the server count, where this client cannot know. */
function recount() {
	clearTimeout(counting);
	counting = setTimeout(() => loadConversations(true).catch(() => {}), SETTLED);
}

/** After a gap the server cannot fill: nothing loaded can be trusted. */
export async function reload(openId) {
	for (const [partnerId, kept] of histories) if (partnerId !== openId) kept.reset();
	await loadConversations(true);
	const open = histories.get(openId);
	await open?.busy?.catch(() => {}); // it may lack some
	if (open?.loaded && open.atEnd) await open.loadNewest();
}

/** A message accepted here, or come by socket. */
export async function takeMessage(message) {
	const { _id, audioFileId, deletedAt, text } = message;
	const partnerId = partnerOf(message);
	const known = history(partnerId).byId.get(_id);
	const row = conversations.get(partnerId);
	const fresh = message.senderId === partnerId && !deletedAt && !(_id <= row?.baseline) && !counted.has(_id);
	const transcribed = audioFileId && text && known && !known.text;
	history(partnerId).merge(message);
	if (fresh) {
		counted.add(_id);
		stopTyping(partnerId);
	}
	if (row) {
		row.unread += fresh;
		if (_id >= row.lastMessage._id) row.lastMessage = history(partnerId).byId.get(_id) ?? message;
		emit("conversations");
	} else await loadConversations(true).catch(() => {});
	if (fresh || (transcribed && message.senderId === partnerId)) emit("incoming", { message, fresh });
}

export function takeChange(change) {
	const partnerId = partnerOf(change);
	history(partnerId).merge(change);
	const row = conversations.get(partnerId);
	if (change.status === "deleted" && change.senderId === partnerId && row?.unread) recount();
	if (row?.lastMessage._id !== change._id) return;
	row.lastMessage = { ...row.lastMessage, ...change, status: row.lastMessage.status };
	emit("conversations");
}

/** Someone has read: the partner mine, or I the partner's, here or elsewhere. */
export function takeRead({ _id, readerId, partnerId }) {
	if (readerId !== session.me._id) return void history(readerId).partnerRead(_id);
	const row = conversations.get(partnerId);
	if (!row) return;
	if (!(row.read > _id)) row.read = _id;
	const { messages, loaded, atEnd, atStart } = history(partnerId);
	const later = messages.filter((each) => each._id > _id && each.senderId === partnerId && !each.deletedAt);
	if (_id >= row.lastMessage._id) row.unread = 0;
	else if (loaded && atEnd && (atStart || messages[0]._id <= _id)) row.unread = Math.min(row.unread, later.length);
	else recount();
	emit("conversations");
}

export function takePresence({ _id, online, lastSeen }) {
	if (!people.has(_id)) return;
	remember({ _id, online, lastSeen });
	emit("presence", _id);
}

export function takeTyping({ senderId }) {
	clearTimeout(typing.get(senderId));
	typing.set(senderId, setTimeout(stopTyping, TYPING, senderId));
	emit("presence", senderId);
}

function stopTyping(id) {
	clearTimeout(typing.get(id));
	if (typing.delete(id)) emit("presence", id);
}

export async function markRead(partnerId, upTo) {
	takeRead({ _id: upTo, readerId: session.me._id, partnerId });
	await api.read(partnerId, upTo).catch((error) => {
		conversations.get(partnerId).read = undefined;
		throw error;
	});
}
