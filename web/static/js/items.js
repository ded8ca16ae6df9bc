// What the timeline shows, from a history and what waits in the outbox.

import { dayKey } from "./format.js";
import { session } from "./session.js";
import { matcher } from "./transcript.js";

const GROUP_MS = 5 * 60_000;

/** Own messages keep the key they had in the outbox, so that their rows stay when the server has them. */
export function keyOf(message) {
  const mine = message._id === undefined || message.senderId === session.me._id;
  return mine && message.clientId ? `own-${message.clientId}` : message._id;
}

function markOf(message, history) {
  if (!message._id) return message.error ? "refused" : "waiting";
  if (message.status === "read" || (message._id <= history.readUpTo && message.status !== "accepted")) return "read";
  return message.status === "delivered" || message.status === "untranscribed" ? "delivered" : "accepted";
}

function together(one, other) {
  return (
    one !== undefined &&
    other !== undefined &&
    one.senderId === other.senderId &&
    Math.abs(Date.parse(other.dateSent) - Date.parse(one.dateSent)) < GROUP_MS &&
    dayKey(one.dateSent) === dayKey(other.dateSent)
  );
}

function pendingMessage(item) {
  const { clientId, text, blob, createdAt, error, progress } = item;
  return { clientId, text, blob, error, progress, senderId: session.me._id, dateSent: new Date(createdAt).toISOString() };
}

/** The items of a timeline; `hit` is the message a search led to, `unreadFrom` the key of the first unread one. */
export function itemsOf({ history, pending, partner, unreadFrom, hit }) {
  const sent = new Set(history.messages.slice(-200).map(({ clientId }) => clientId));
  const waiting = pending.filter(({ clientId }) => !sent.has(clientId)).map(pendingMessage);
  const messages = [...history.messages, ...waiting];
  return messages.map((message, index) => {
    const [before, after] = [messages[index - 1], messages[index + 1]];
    const key = keyOf(message);
    const flash = message._id !== undefined && message._id === hit?.id;
    const item = {
      key,
      message,
      partner,
      mine: message.senderId === session.me._id,
      startsDay: (!before || dayKey(before.dateSent) !== dayKey(message.dateSent)) && (index > 0 || history.atStart || !message._id),
      startsGroup: !together(before, message),
      endsGroup: !together(message, after),
      unreadFrom: key === unreadFrom,
      mark: markOf(message, history),
      flash,
      hit: flash && hit.query ? matcher(hit.query) : undefined,
    };
    const { startsDay, startsGroup, endsGroup, mark } = item;
    const state = message._id ? message.version : `${message.error}${message.progress === undefined}`;
    item.signature = [state, startsDay, startsGroup, endsGroup, item.unreadFrom, mark, flash && hit.query, dayKey(Date.now())].join();
    return item;
  });
}
