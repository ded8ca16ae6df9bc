// The row of a message: sent, or waiting to be.

import { isEmojiAlone } from "../base/emoji.js";
import { day, exact, time } from "../base/format.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { withLinks } from "../dom/highlight.js";
import { icon } from "../dom/icons.js";
import { discard, retry } from "../state/outbox.js";
import { voiceBody } from "./voice-body.js";

/** @import { Child, LoadedMessage } from "../page.js" */
/** @import { Entry, Item, Mark } from "./items.js" */

/**
 * @typedef {object} RowActions what a row lets one do
 * @property {(button: HTMLElement, message: LoadedMessage) => void} openMenu
 * @property {(message: LoadedMessage) => void} transcribe
 * @property {(message: LoadedMessage) => { save: (text: string) => void, cancel: () => void }} correction
 */

/** @import { Key } from "../base/sentences.js" */

/** @typedef {"gone" | "voice" | "text"} Kind */

/** @type {Record<Mark, { icon: string, label: Key }>} */
const MARKS = {
	waiting: { icon: "clock", label: "message.waiting" },
	refused: { icon: "alert", label: "message.refused" },
	accepted: { icon: "check", label: "message.sent" },
	delivered: { icon: "checks", label: "message.delivered" },
	read: { icon: "seen", label: "message.read" },
};

/**
 * @param {Item} item
 * @param {RowActions} actions
 */
export function messageRow(item, actions) {
	const { entry, beginsDay, isFirstUnread } = item;
	const row = h(
		"div.row",
		{ "data-id": idOf(entry) },
		beginsDay && h("p.day", day(entry.dateSent)),
		isFirstUnread && h("p.unread-line", say("message.new")),
		article(item, actions),
		refusal(entry),
		hasMeta(item) && meta(item),
	);
	row.classList.add(item.isMine ? "mine" : "theirs");
	row.classList.toggle("startsGroup", item.startsGroup);
	row.classList.toggle("endsGroup", item.endsGroup);
	row.classList.toggle("flash", item.isHit);
	return row;
}

/** @param {Entry} entry */
const idOf = ({ _id, clientId }) => _id ?? clientId;

/**
 * @param {Entry} entry
 * @returns {Kind}
 */
function kindOf({ message, waiting }) {
	if (message?.deletedAt) return "gone";
	return message?.audioFileId || waiting?.blob ? "voice" : "text";
}

/**
 * @param {Item} item
 * @param {RowActions} actions
 */
function article(item, actions) {
	const { entry, isMine, partner } = item;
	const { dateSent } = entry;
	const kind = kindOf(entry);
	const name = isMine ? say("app.you") : partner;
	const label = say("message.said", { name, day: day(dateSent), time: time(dateSent) });
	const bubble = h(`div.bubble.${kind}`, body(item, kind, actions));
	bubble.classList.toggle("emoji", kind === "text" && isEmojiAlone(entry.text));
	return h("article.message", { label, title: exact(dateSent) }, bubble, menuButton(item, kind, actions));
}

/**
 * @param {Item} item
 * @param {Kind} kind
 * @param {RowActions} actions
 * @returns {Child}
 */
function body(item, kind, actions) {
	const { entry, isHitWord } = item;
	if (kind === "gone") return h("p", say("message.deleted"));
	if (kind === "text") return h("p.said", { dir: "auto" }, withLinks(entry.text, isHitWord));
	return voiceBody(item, actions);
}

/**
 * @param {Item} item
 * @param {Kind} kind
 * @param {RowActions} actions
 * @returns {Child}
 */
function menuButton({ entry, isMine }, kind, actions) {
	const { message } = entry;
	if (!message || kind === "gone") return null;
	const hasEntries = isMine || kind === "voice" || Boolean(message.text);
	if (!hasEntries) return null;
	const button = h(
		"button.icon-button.row-menu",
		{ label: say("message.actions"), "aria-haspopup": "menu", "data-focus": "menu" },
		icon("more"),
	);
	button.onclick = () => actions.openMenu(button, message);
	return button;
}

/**
 * Why the server did not take it, and what to do about that.
 * @param {Entry} entry
 * @returns {Child}
 */
function refusal({ waiting }) {
	if (!waiting?.error) return null;
	const { clientId, error } = waiting;
	const again = h("button.link", { onclick: () => retry(clientId) }, say("app.tryAgain"));
	const drop = h("button.link", { onclick: () => discard(clientId) }, say("message.discard"));
	return h("div.refused", { role: "alert" }, error, again, drop);
}

/** @param {Item} item */
function hasMeta({ entry, endsGroup }) {
	return endsGroup || !entry.message || Boolean(entry.message.editedAt);
}

/** @param {Item} item */
function meta({ entry, isMine, mark, endsGroup }) {
	const { dateSent, message } = entry;
	const editedAt = message?.editedAt;
	const showsMark = isMine && (endsGroup || !message);
	return h(
		"div.meta",
		h("time", { datetime: dateSent, title: exact(dateSent) }, time(dateSent)),
		editedAt && h("span", { title: exact(editedAt) }, say("message.edited")),
		showsMark && markElement(mark),
	);
}

/** @param {Mark} mark */
function markElement(mark) {
	const { icon: name, label } = MARKS[mark];
	return h(`span.mark.${mark}`, { role: "img", label: say(label), title: say(label) }, icon(name));
}
