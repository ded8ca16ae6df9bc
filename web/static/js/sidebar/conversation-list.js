// The list of conversations.

import { emit, on } from "../base/events.js";
import { count, exact, shortTime } from "../base/format.js";
import { summary } from "../base/phrases.js";
import { partsOf, say } from "../base/sentences.js";
import { fill, h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { arrange, become } from "../dom/replace.js";
import { me } from "../net/session.js";
import {
	hasMoreConversations,
	isListLoaded,
	loadMoreConversations,
	sortedConversations,
} from "../state/conversations.js";
import { draftFor } from "../state/drafts.js";
import { isMuted } from "../state/muting.js";
import { activityOf } from "../state/people.js";
import { hasUnfinished } from "../state/unfinished.js";
import { personRow } from "./person-row.js";

/** @import { Conversation } from "../page.js" */
/** @import { Key } from "../base/sentences.js" */

const NEAR = 300; // pixels from the end at which more is loaded

/** @type {string | null} the partner of the open conversation */
let openId = null;

/** @param {string | null} partnerId null when no conversation is open */
export function markOpen(partnerId) {
	openId = partnerId;
	emit("opened", null);
}

/** @param {{ list: HTMLElement, rows: HTMLElement }} parts */
export function showConversationList({ list, rows }) {
	let frame = 0;
	const drawSoon = () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(() => draw(rows));
	};
	on("conversations", drawSoon);
	on("unfinished", drawSoon);
	on("presence", drawSoon);
	on("opened", drawSoon);
	on("dates", drawSoon);
	list.onscroll = () => {
		const isNearEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
		if (isNearEnd && hasMoreConversations()) loadMoreConversations().catch(() => {}); // again with the next scroll
	};
}

/** @param {HTMLElement} rows */
function draw(rows) {
	const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.partner : null;
	const all = sortedConversations();
	const links = new Map([...rows.getElementsByTagName("a")].map((link) => [link.dataset.partner, link]));
	if (all.length) {
		arrange(
			rows,
			all.map((each) => renewedRow(each, links.get(each.partner._id))),
		);
	} else if (isListLoaded()) fill(rows, h("li.hint", say("shell.noConversations")));
	if (!focused) return;
	const same = rows.querySelector(`[data-partner="${focused}"]`);
	if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}

/**
 * Whoever is just clicking a row opens it, though it has changed before the button was let go: its link stays.
 * @param {Conversation} conversation
 * @param {HTMLAnchorElement} [link] in the row there is
 */
function renewedRow(conversation, link) {
	const row = conversationRow(conversation);
	const [newer] = row.getElementsByTagName("a");
	if (!link?.parentElement) return row;
	become(link, newer);
	return link.parentElement;
}

/** @param {Conversation} conversation */
function conversationRow(conversation) {
	const { partner, lastMessage, unread } = conversation;
	const isOpen = partner._id === openId;
	return personRow(
		partner,
		{ "data-partner": partner._id, "aria-current": isOpen && "page", class: unread ? "unread" : "" },
		h("time", { datetime: lastMessage.dateSent, title: exact(lastMessage.dateSent) }, shortTime(lastMessage.dateSent)),
		lastLine(conversation),
		unread > 0 && h("span.badge", count(unread), h("span.sr", " ", say("shell.unread", { count: unread }))),
		isMuted(partner._id) && h("span.muted-mark", icon("muted"), h("span.sr", say("profile.mutedMark"))),
	);
}

/**
 * Whether somebody types or speaks, else what I have begun to say or to write, else what was said last.
 * @param {Conversation} conversation
 */
function lastLine({ partner, lastMessage }) {
	const text = { dir: "auto" };
	const activity = activityOf(partner._id);
	if (activity) return h("span.line.typing", text, say(activity));
	const isOpen = partner._id === openId;
	if (!isOpen && hasUnfinished(partner._id)) return h("span.line.spoken", text, icon("mic"), say("record.unfinished"));
	const draft = isOpen ? "" : draftFor(partner._id);
	if (draft) return h("span.line.written", text, around("shell.draft", draft));
	const isMine = lastMessage.senderId === me()._id;
	const said = isMine ? around("message.you", summary(lastMessage)) : summary(lastMessage);
	if (lastMessage.audioFileId) return h("span.line.spoken", text, icon("mic"), said);
	return h("span.line.written", text, said);
}

/**
 * A sentence around a text. The text alone decides in which direction the line runs, so that its end is cut off where the
 * line is too long, and not its beginning.
 * @param {Key} key
 * @param {string} text
 */
const around = (key, text) => partsOf(key).map((part) => (typeof part === "string" ? apart(part) : text));

/**
 * What stands beside the text, with its blank outside: at its own end, a blank might be at the other side of it.
 * @param {string} words
 */
const apart = (words) => [h("bdi", words.trim()), words.slice(words.trimEnd().length)];
