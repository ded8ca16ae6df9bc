// One message as an element.

import { h, icon, linked } from "./dom.js";
import { day, exact, time } from "./format.js";
import { discard, retry } from "./outbox.js";
import { controls, transcript } from "./voice.js";

const MARKS = {
	waiting: ["clock", "Waiting to be sent"],
	refused: ["alert", "Not sent"],
	accepted: ["check", "Sent"],
	delivered: ["checks", "Delivered"],
	read: ["checks", "Read"],
};

const link = (text, onclick, focus) => h("button.link", { onclick, "data-focus": focus }, text);
const note = (text, extra = "") => h(`p.note${extra}`, text);

export const sourceOf = ({ audioFileId, clientId, blob }) => ({ key: audioFileId ?? clientId, uuid: audioFileId, blob });

/** The row of an item of `items.js`; `actions` are `menu(button, message)` and `transcribe(message)`. */
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
		message.error && h("div.refused", message.error, link("Try again", () => retry(message)), link("Discard", () => discard(message))),
		(endsGroup || message.editedAt || !message._id) && meta(item),
	);
}

function body({ message, mine, hit }, kind, actions) {
	if (kind === "gone") return h("p", "Message deleted");
	if (kind === "text") return h("p.said", { dir: "auto" }, linked(message.text));
	const source = sourceOf(message);
	const again = mine && link("Transcribe again", () => actions.transcribe(message), "again");
	return [
		controls(source),
		message.text && transcript(message, source, hit),
		message._id ? stateOf(message, again) : !message.error && sending(message),
	];
}

/** Beneath the recording: why there is no transcript, or what is being done about it. */
function stateOf({ status, text, again, failure }, retranscribe) {
	if (again) return note("Transcribing again", ".working");
	if (failure && text) return note(`It could not be transcribed again. ${failure}`);
	if (text) return null;
	if (status === "transcribing" || status === "accepted") return note("Listening for the words", ".working");
	if (status !== "untranscribed") return note("No words were heard in this recording.");
	return [note("The words could not be made out."), retranscribe];
}

function sending(message) {
	const element = h("div.sending", { "data-upload": message.clientId }, h("progress", { label: "Upload" }), h("span"));
	progressIn(element, message.progress);
	return element;
}

function progressIn(element, progress) {
	element.firstChild.value = progress ?? 0;
	const uploading = progress < 1 ? `Uploading, ${Math.round(progress * 100)} %` : "Sending";
	element.lastChild.textContent = progress === undefined ? "Waiting for the network" : uploading;
}

export function showProgress(list, { clientId, progress }) {
	const element = list.querySelector(`[data-upload="${clientId}"]`);
	if (element) progressIn(element, progress);
}

function meta({ message, mine, mark, endsGroup }) {
	const { dateSent, editedAt } = message;
	const [name, label] = MARKS[mark];
	return h(
		"div.meta",
		h("time", { datetime: dateSent, title: exact(dateSent) }, time(dateSent)),
		editedAt && h("span", { title: exact(editedAt) }, "edited"),
		mine && endsGroup && h(`span.mark.${mark}`, { role: "img", label, title: label }, icon(name)),
	);
}
