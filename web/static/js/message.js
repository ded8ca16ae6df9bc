// One message as an element.

import { h, icon, linked } from "./dom.js";
import { day, exact, time } from "./format.js";
import * as outbox from "./outbox.js";
import { controls, transcript } from "./voice.js";

const MARKS = {
  waiting: ["clock", "Waiting to be sent"],
  refused: ["alert", "Not sent"],
  accepted: ["check", "Sent"],
  delivered: ["checks", "Delivered"],
  read: ["checks", "Read"],
};

/** What the player and the waveform know a recording by. */
export function sourceOf(message) {
  return message.audioFileId ? { key: message.audioFileId, uuid: message.audioFileId } : { key: message.clientId, blob: message.blob };
}

/** `item`: `{message, mine, partner, startsDay, startsGroup, endsGroup, unreadFrom, mark, hit, flash}`. */
export function messageRow(item, actions) {
  const { message, mine } = item;
  const classes = ["row", mine ? "mine" : "theirs"];
  for (const name of ["startsGroup", "endsGroup", "flash"]) if (item[name]) classes.push(name);
  const voice = message.audioFileId || message.blob;
  const kind = message.deletedAt ? "gone" : voice ? "voice" : "text";
  const said = h("div", { class: `bubble ${kind}` }, body(item, kind));
  const who = mine ? "You" : item.partner;
  const article = h(
    "article",
    { class: "message", "aria-label": `${who}, ${day(message.dateSent)} ${time(message.dateSent)}` },
    said,
    message._id && !message.deletedAt && menuButton(message, mine, actions),
  );
  return h(
    "div",
    { class: classes.join(" "), "data-id": message._id ?? message.clientId },
    item.startsDay && h("div", { class: "day" }, h("span", { text: day(message.dateSent) })),
    item.unreadFrom && h("div", { class: "unread-line" }, h("span", { text: "New" })),
    article,
    message.error && refused(message),
    (item.endsGroup || message.editedAt || message.error || !message._id) && meta(item),
  );
}

function body({ message, mine, hit }, kind) {
  if (kind === "gone") return [h("p", { class: "said", text: "Message deleted" })];
  if (kind === "text") return [h("p", { class: "said", dir: "auto" }, ...linked(message.text ?? ""))];
  const source = sourceOf(message);
  return [controls(source), underneath(message, source, hit, mine)];
}

/** The transcript, or why there is none yet. */
function underneath(message, source, hit, mine) {
  if (!message._id) return sending(message);
  if (message.status === "transcribing") return note("Listening for the words", "working");
  if (message.retranscribing) return [...words(message, source, hit), note("Transcribing again", "working")];
  if (message.text) return words(message, source, hit);
  if (message.status === "accepted") return note("Listening for the words", "working");
  if (message.status !== "untranscribed") return note("No words were heard in this recording.");
  return [note(mine ? "The words could not be made out. " : "There is no transcript of this recording."), mine && again(message)];
}

function words(message, source, hit) {
  const shown = [transcript(message, source, hit)];
  if (message.failure) shown.push(note(`Transcribing again failed: ${message.failure}`));
  return shown;
}

function note(text, extra = "") {
  return h("p", { class: `transcript-note ${extra}`, text });
}

function again(message) {
  return h("button", { type: "button", class: "link", "data-action": "transcribe", "data-focus": "again" }, "Transcribe again");
}

function sending(message) {
  if (message.error) return null;
  const share = message.progress ?? 0;
  const bar = h("progress", { max: 1, value: share, "aria-label": "Upload" });
  bar.value = share;
  const text = message.progress === undefined ? "Waiting for the network" : share < 1 ? "Uploading" : "Sending";
  return h("div", { class: "sending", "data-upload": message.clientId }, bar, h("span", { text }));
}

/** Shows how far an upload is, without making its row anew. */
export function showProgress(list, { clientId, progress }) {
  const element = list.querySelector(`[data-upload="${clientId}"]`);
  if (!element) return;
  element.querySelector("progress").value = progress;
  element.querySelector("span").textContent = progress < 1 ? `Uploading, ${Math.round(progress * 100)} %` : "Sending";
}

function refused(message) {
  return h(
    "div",
    { class: "refused", role: "group", "aria-label": "Not sent" },
    h("span", { text: message.error }),
    h("button", { type: "button", class: "link", on: { click: () => outbox.retry(message.clientId) } }, "Try again"),
    h("button", { type: "button", class: "link", on: { click: () => outbox.discard(message.clientId) } }, "Discard"),
  );
}

function meta({ message, mine, mark, endsGroup }) {
  const stamp = h("time", { datetime: new Date(message.dateSent).toISOString(), title: exact(message.dateSent) });
  stamp.textContent = time(message.dateSent);
  const parts = [endsGroup || !message._id ? stamp : null];
  if (message.editedAt) parts.push(h("span", { class: "edited", title: exact(message.editedAt), text: "edited" }));
  if (mine && endsGroup) {
    const [name, label] = MARKS[mark];
    parts.push(h("span", { class: `mark ${mark}`, role: "img", "aria-label": label, title: label }, icon(name)));
  }
  return h("div", { class: "meta" }, ...parts);
}

function menuButton(message, mine, actions) {
  const props = { type: "button", class: "icon-button row-menu", "aria-label": "Message actions", "aria-haspopup": "menu" };
  const open = ({ currentTarget }) => actions(currentTarget, message, mine);
  return h("button", { ...props, "data-focus": "menu", title: exact(message.dateSent), on: { click: open } }, icon("more"));
}
