// What this client knows: conversations, people's presence, loaded histories.

import { api } from "./api.js";
import { emit } from "./bus.js";
import { History } from "./history.js";
import { session } from "./session.js";

const PAGE = 100;
const TYPING_MS = 6_000;

export const conversations = new Map(); // partner id -> {partner, lastMessage, unread, baseline}
const people = new Map(); // id -> {_id, username, bio, online, lastSeen}
const histories = new Map();
const typing = new Map(); // partner id -> timer
const counted = new Set(); // incoming messages that are in an unread count
let oldestListed = null; // the page of conversations to load next begins here
export let listed = false; // the first page is there
export let allListed = false;

export const person = (id) => people.get(id);
export const isTyping = (id) => typing.has(id);
export const partnerOf = (message) => (message.senderId === session.me?._id ? message.receiverId : message.senderId);

export function personNamed(name) {
  const wanted = name.toLowerCase();
  return [...people.values()].find(({ username }) => username.toLowerCase() === wanted);
}

export function rememberPerson(found) {
  const known = people.get(found._id);
  people.set(found._id, { ...known, ...found });
  const row = conversations.get(found._id);
  if (row) row.partner = people.get(found._id);
  return people.get(found._id);
}

/** The person of that name, asked for when not known; undefined when there is none. */
export async function findPerson(name) {
  const known = personNamed(name);
  if (known) return known;
  const found = await api.people(name, 50, 0);
  found.forEach(rememberPerson);
  return personNamed(name);
}

/** The person with that id, from as many pages of conversations as it takes. */
export async function findPartner(id) {
  while (!people.has(id) && !allListed) await loadConversations();
  return people.get(id);
}

export function history(partnerId) {
  if (!histories.has(partnerId)) histories.set(partnerId, new History(partnerId));
  return histories.get(partnerId);
}

export const sortedConversations = () =>
  [...conversations.values()].sort((one, other) => (one.lastMessage._id < other.lastMessage._id ? 1 : -1));

export const totalUnread = () => [...conversations.values()].reduce((sum, { unread }) => sum + unread, 0);

/** Loads the first page of conversations, or the next. */
export async function loadConversations({ fresh = false } = {}) {
  const page = await api.conversations(PAGE, fresh ? undefined : oldestListed);
  for (const row of page) {
    rememberPerson(row.partner);
    const known = conversations.get(row.partner._id);
    const newer = known && known.lastMessage._id > row.lastMessage._id;
    const lastMessage = newer ? known.lastMessage : row.lastMessage;
    const partner = people.get(row.partner._id);
    conversations.set(partner._id, { partner, lastMessage, unread: row.unread, baseline: lastMessage._id });
  }
  if (page.length && (!oldestListed || page.at(-1).lastMessage._id < oldestListed)) {
    oldestListed = page.at(-1).lastMessage._id;
  }
  if (!fresh || !listed) allListed = page.length < PAGE;
  listed = true;
  emit("conversations");
}

/** After a gap that the server cannot fill: nothing loaded can be trusted. */
export async function reload(openPartnerId) {
  for (const [partnerId, kept] of histories) if (partnerId !== openPartnerId) kept.reset();
  counted.clear();
  await loadConversations({ fresh: true });
  if (openPartnerId && histories.get(openPartnerId)?.atEnd) await history(openPartnerId).loadNewest();
}

/** A message, accepted here or come by socket: into its history and to the top of the list. */
export function takeMessage(message) {
  const partnerId = partnerOf(message);
  const incoming = message.senderId !== session.me._id;
  history(partnerId).merge(message);
  const row = conversations.get(partnerId);
  if (!row) {
    if (listed) void discover(message);
    return;
  }
  const fresh = incoming && !message.deletedAt && !counted.has(message._id) && message._id > row.baseline;
  if (fresh) {
    counted.add(message._id);
    row.unread += 1;
  }
  if (message._id >= row.lastMessage._id) row.lastMessage = history(partnerId).byId.get(message._id) ?? message;
  if (incoming) stopTyping(partnerId);
  emit("conversations");
  if (fresh) emit("incoming", message);
}

async function discover(message) {
  await loadConversations({ fresh: true }).catch(() => {});
  if (message.senderId !== session.me?._id && conversations.get(message.senderId)?.unread) emit("incoming", message);
}

/** A change of a message: edited, deleted, failed. */
export function takeChange(change) {
  const partnerId = partnerOf(change);
  history(partnerId).merge(change);
  const row = conversations.get(partnerId);
  if (row?.lastMessage._id === change._id) {
    const { status, ...fields } = change;
    row.lastMessage = { ...row.lastMessage, ...fields };
    emit("conversations");
  }
}

/** Someone has read: the partner mine, or I the partner's, here or elsewhere. */
export function takeRead({ _id, readerId, partnerId }) {
  if (readerId === session.me._id) {
    const row = conversations.get(partnerId);
    if (!row) return;
    const later = history(partnerId).messages.filter((each) => each._id > _id && each.senderId === partnerId);
    row.unread = _id >= row.lastMessage._id ? 0 : Math.min(row.unread, later.length);
    for (const message of later) counted.add(message._id);
  } else {
    history(readerId).partnerRead(_id);
    const row = conversations.get(readerId);
    if (row && row.lastMessage._id <= _id && row.lastMessage.status === "delivered") row.lastMessage.status = "read";
  }
  emit("conversations");
}

export function takePresence({ _id, online, lastSeen }) {
  const known = people.get(_id);
  if (!known) return;
  Object.assign(known, { online, lastSeen });
  emit("presence", _id);
}

export function takeTyping({ senderId }) {
  clearTimeout(typing.get(senderId));
  typing.set(senderId, setTimeout(() => stopTyping(senderId), TYPING_MS));
  emit("typing", senderId);
}

function stopTyping(partnerId) {
  if (!typing.has(partnerId)) return;
  clearTimeout(typing.get(partnerId));
  typing.delete(partnerId);
  emit("typing", partnerId);
}

/** Everything read up to that message; the server is told, and tells the partner. */
export async function markRead(partnerId, upTo) {
  const row = conversations.get(partnerId);
  if (row && upTo >= row.lastMessage._id) row.unread = 0;
  emit("conversations");
  await api.read(partnerId, upTo);
}
