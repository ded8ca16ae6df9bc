// What is on its way out. It is kept in the browser until the server has taken it, so that neither a lost
// network nor a reload loses it; its `clientId` sees to it that it is never there twice.

import { ApiError, api, upload } from "./api.js";
import { emit, on, tellTabs } from "./bus.js";
import * as database from "./database.js";
import { session } from "./session.js";
import { takeMessage } from "./store.js";

const BACKOFF_MS = [1_000, 30_000];
const items = new Map(); // clientId -> item, of the person signed in
const stored = new Set(); // those that the database holds
let attempts = 0;
let timer, flushing, again;

export const waiting = (partnerId) =>
  [...items.values()].filter(({ receiverId }) => receiverId === partnerId).sort((a, b) => a.createdAt - b.createdAt);

export const find = (clientId) => items.get(clientId);

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a text, or a recording (`blob`). */
export async function enqueue(receiverId, { text = null, blob = null, name = "voice.webm" }) {
  const item = { clientId: newId(), userId: session.me._id, receiverId, text, blob, name, createdAt: Date.now() };
  items.set(item.clientId, item);
  await save(item);
  void flush();
}

export async function retry(clientId) {
  const item = items.get(clientId);
  if (!item) return;
  delete item.error;
  await save(item);
  void flush();
}

export async function discard(clientId) {
  const item = items.get(clientId);
  items.delete(clientId);
  stored.delete(clientId);
  await database.remove("outbox", clientId).catch(() => {});
  tellTabs("outbox");
  if (item) changed(item);
}

/** The server has it: it came back in an answer or a frame. */
export function settled(message) {
  if (message.senderId === session.me?._id && items.has(message.clientId)) void discard(message.clientId);
}

async function save(item) {
  changed(item);
  const { progress, ...kept } = item;
  await database.put("outbox", kept).then(() => stored.add(item.clientId), () => {}); // else it is sent all the same
}

function changed(item) {
  emit("outbox", item.receiverId);
}

/** Reads what this browser keeps for this person; another tab may have added or sent some. */
export async function load() {
  const mine = session.me?._id;
  const kept = (await database.all("outbox").catch(() => null))?.filter(({ userId }) => userId === mine);
  if (!kept) return;
  const keptIds = new Set(kept.map(({ clientId }) => clientId));
  for (const item of [...items.values()]) {
    if (item.userId === mine && (keptIds.has(item.clientId) || !stored.has(item.clientId))) continue;
    items.delete(item.clientId);
    changed(item);
  }
  for (const item of kept) {
    stored.add(item.clientId);
    const known = items.get(item.clientId);
    if (known) Object.assign(known, { error: item.error, uploadId: item.uploadId ?? known.uploadId });
    else items.set(item.clientId, item);
    changed(item);
  }
}

/** Sends what waits, each conversation in order; one tab at a time. */
export async function flush() {
  again = Boolean(flushing);
  if (flushing || !session.me) return;
  clearTimeout(timer);
  flushing = exclusively(sendAll);
  const pause = await flushing.catch(() => BACKOFF_MS[1]);
  flushing = null;
  if (again) void flush();
  else if (pause) timer = setTimeout(flush, pause);
}

function exclusively(work) {
  return navigator.locks ? navigator.locks.request(`chattergram-outbox-${session.me._id}`, work) : work();
}

async function sendAll() {
  await load();
  const receivers = new Set([...items.values()].map(({ receiverId }) => receiverId));
  const pauses = await Promise.all([...receivers].map((receiverId) => sendTo(receiverId)));
  const stopped = pauses.filter(Boolean);
  if (!stopped.length) {
    attempts = 0;
    return 0;
  }
  const pause = Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** attempts) * (0.5 + Math.random());
  attempts = Math.min(attempts + 1, 10);
  return Math.max(pause, ...stopped.map(({ retryAfter }) => (retryAfter ?? 0) * 1_000));
}

/** Answers what made it stop, null when all is sent or refused for good. */
async function sendTo(receiverId) {
  for (const item of waiting(receiverId).filter(({ error }) => !error)) {
    try {
      await sendOne(item);
    } catch (error) {
      const known = error instanceof ApiError;
      if (!known || error.passing || error.status === 401) return error;
      item.error = error.message;
      delete item.progress;
      await save(item);
    }
  }
  return null;
}

async function sendOne(item) {
  if (item.blob && !item.uploadId) await uploadOne(item);
  const body = { receiverId: item.receiverId, clientId: item.clientId };
  if (item.text) body.text = item.text;
  if (item.uploadId) body.audioFileId = item.uploadId;
  let message;
  try {
    message = await api.send(body);
  } catch (error) {
    if (error.status !== 404 || !item.uploadId || item.renewed) throw error;
    item.uploadId = null; // it waited here for longer than the server keeps an upload
    item.renewed = true;
    await sendOne(item);
    return;
  }
  takeMessage(message);
  await discard(item.clientId);
}

async function uploadOne(item) {
  item.progress = 0;
  changed(item);
  const made = await upload(item.blob, item.name, (progress) => {
    item.progress = progress;
    emit("upload", item);
  });
  item.uploadId = made.audioFileUuid;
  await save(item);
}

on("tabs:outbox", async () => {
  await load();
  void flush();
});
window.addEventListener("online", () => {
  attempts = 0;
  void flush();
});
