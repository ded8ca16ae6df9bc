// Messages, sent and waiting: as items of the timeline, and as elements.

import { h, icon, linked } from "./dom.js";
import { dated, day, exact, time, today } from "./format.js";
import { discard, retry } from "./outbox.js";
import { session } from "./session.js";
import { matcher } from "./transcript.js";
import { controls, transcript } from "./voice.js";

const GROUP = 5 * 60_000; // milliseconds between messages of a group
const RECENT = 200; // what still waits in the outbox may be among these already
const MARKS = {
	waiting: ["clock", "Waiting to be sent"],
	refused: ["alert", "Not sent"],
	accepted: ["check", "Sent"],
	delivered: ["checks", "Delivered"],
	read: ["checks", "Read"],
};

/** Own messages keep the key they had in the outbox, so that their rows stay when the server has them. */
export function keyOf({ _id, clientId, senderId }) {
	return clientId && senderId === session.me._id ? `own-${clientId}` : _id;
}

function markOf({ _id, error, status }, readUpTo) {
	if (!_id) return error ? "refused" : "waiting";
	if (status === "read" || (_id <= readUpTo && status !== "accepted")) return "read";
	return status === "delivered" || status === "untranscribed" ? "delivered" : "accepted";
}

const together = (one, other) =>
	one?.senderId === other?.senderId && one?.day === other?.day && other?.at - one?.at < GROUP;

/** `hit` is the message a search led to, `unreadFrom` the key of the first unread one. */
export function itemsOf({ history, pending, partner, unreadFrom, hit }) {
	const sent = history.messages.slice(-RECENT).map(({ clientId }) => clientId);
	const waiting = pending
		.filter(({ clientId }) => !sent.includes(clientId))
		.map((item) => dated({ ...item, senderId: item.userId, dateSent: new Date(item.createdAt).toISOString() }));
	const messages = [...history.messages, ...waiting];
	const now = today();
	return messages.map((message, index) => {
		const before = messages[index - 1];
		const key = keyOf(message);
		const newDay = before ? before.day !== message.day : history.atStart || !message._id;
		const flash = Boolean(hit && hit.id === message._id);
		const shown = {
			newDay,
			flash,
			startsGroup: !together(before, message),
			endsGroup: !together(message, messages[index + 1]),
			newFrom: key === unreadFrom,
			mark: markOf(message, history.readUpTo),
		};
		const state = message.version ?? `${message.error}${message.progress === undefined}`;
		const signature = [state, now, flash && hit.query, ...Object.values(shown)].join();
		const mine = message.senderId === session.me._id;
		return { ...shown, key, message, partner, mine, signature, hit: flash ? matcher(hit.query, message.text) : undefined };
	});
}

const link = (text, onclick, focus) => h("button.link", { onclick, "data-focus": focus }, text);
const note = (text, extra = "") => h(`p.note${extra}`, text);

export const sourceOf = ({ audioFileId, clientId, blob }) => ({ key: audioFileId ?? clientId, uuid: audioFileId, blob });

/** The row of an item; `actions` are `menu(button, message)` and `transcribe(message)`. */
export function messageRow(item, actions) {
	const { message, mine, partner, newDay, newFrom, endsGroup } = item;
	const classes = [mine ? "mine" : "theirs", ...["startsGroup", "endsGroup", "flash"].filter((name) => item[name])];
	const kind = message.deletedAt ? "gone" : message.audioFileId || message.blob ? "voice" : "text";
	const label = `${mine ? "You" : partner}, ${day(message.dateSent)} ${time(message.dateSent)}`;
	const open = ({ currentTarget }) => actions.menu(currentTarget, message);
	const more = { label: "Message actions", "aria-haspopup": "menu", "data-focus": "menu", onclick: open };
	const menu = message._id && kind !== "gone" && (mine || message.text) && h("button.icon-button.row-menu", more, icon("more"));
	return h(
		`div.row.${classes.join(".")}`,
		{ "data-id": message._id ?? message.clientId },
		newDay && h("p.day", day(message.dateSent)),
		newFrom && h("p.unread-line", "New"),
		h("article.message", { label, title: exact(message.dateSent) }, h(`div.bubble.${kind}`, body(item, kind, actions)), menu),
		message.error && h("div.refused", { role: "alert" }, message.error, link("Try again", () => retry(message)), link("Discard", () => discard(message))),
		(endsGroup || message.editedAt || !message._id) && meta(item),
	);
}

function body({ message, mine, hit }, kind, actions) {
	if (kind === "gone") return h("p", "Message deleted");
	if (kind === "text") return h("p.said", { dir: "auto" }, linked(message.text, hit));
	const source = sourceOf(message);
	const again = mine && link("Transcribe again", () => actions.transcribe(message), "again");
	return [
		controls(source),
		message.text && transcript(message, source, hit),
		message._id ? stateOf(message, again) : !message.error && sending(message),
	];
}

function stateOf({ status, text, again, failure }, retranscribe) {
	if (again) return note("Transcribing again", ".working");
	if (failure && text) return note(`It could not be transcribed again. ${failure}`);
	if (text) return null;
	if (status === "transcribing" || status === "accepted") return note("Listening for the words", ".working");
	if (status !== "untranscribed") return note("No words were heard in this recording.");
	return [note("The words could not be made out."), retranscribe];
}

function sending({ progress }) {
	const percent = Math.round(progress * 100);
	const state = percent < 100 ? `Uploading, ${percent} %` : "Sending";
	return h("p.note.sending", { "--done": `${percent || 0}%` }, progress === undefined ? "Waiting for the network" : state);
}

export const showProgress = (list, item) => list.querySelector(`[data-id="${item.clientId}"] .sending`)?.replaceWith(sending(item));

function meta({ message, mine, mark, endsGroup }) {
	const { dateSent, editedAt } = message;
	const [name, label] = MARKS[mark];
	return h(
		"div.meta",
		h("time", { datetime: dateSent, title: exact(dateSent) }, time(dateSent)),
		editedAt && h("span", { title: exact(editedAt) }, "edited"),
		mine && (endsGroup || !message._id) && h(`span.mark.${mark}`, { role: "img", label, title: label }, icon(name)),
	);
}
