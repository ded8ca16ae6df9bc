// A whole conversation as a document to print or keep: names, times, and what was written and said.

import { dayKey, duration, exact, time, wholeDay } from "../base/format.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";

/** @import { Child } from "../page.js" */
/** @import { Message, Person } from "../wire.js" */

/**
 * @typedef {object} Kept
 * @property {Message[]} messages ascending
 * @property {boolean} isWhole else older ones are left out
 */

/**
 * @param {Kept} kept
 * @param {{ me: { _id: string, username: string }, partner: Person }} people
 * @param {Date} now
 */
export function conversationDocument({ messages, isWhole }, { me, partner }, now) {
	const names = new Map([me, partner].map(({ _id, username }) => [_id, username]));
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	const about = [say("keep.about", { count: messages.length, date: exact(now) }), say("keep.zone", { zone })];
	if (!isWhole) about.push(say("keep.olderLeft"));
	return h(
		"main.printout",
		h("h1", { dir: "auto" }, say("keep.two", { me: me.username, name: partner.username })),
		h("p.about", about.join(" ")),
		messages.map((message, index) => [
			dayKey(message.dateSent) !== dayKey(messages[index - 1]?.dateSent ?? 0) && h("h2", wholeDay(message.dateSent)),
			article(message, names.get(message.senderId) ?? ""),
		]),
	);
}

/**
 * @param {Message} message
 * @param {string} name
 */
function article(message, name) {
	const { dateSent, editedAt } = message;
	return h(
		"article",
		h(
			"p.by",
			h("b", { dir: "auto" }, name),
			" ",
			h("time", { datetime: dateSent }, time(dateSent)),
			editedAt && ` ${say("message.edited")}`,
		),
		...content(message),
	);
}

/**
 * @param {Message} message
 * @returns {Child[]}
 */
function content({ text, audioFileId, deletedAt, duration: seconds }) {
	if (deletedAt) return [h("p.note", say("message.deleted"))];
	const voice = audioFileId && h("p.note", voiceNote(seconds ? duration(seconds) : "", Boolean(text)));
	const words = text && h(audioFileId ? "p.text.spoken" : "p.text", { dir: "auto" }, text);
	return [voice, words];
}

/**
 * @param {string} length "" when it is not known
 * @param {boolean} hasWords
 */
function voiceNote(length, hasWords) {
	if (length) return say(hasWords ? "keep.voice" : "keep.voiceNoWords", { length });
	return say(hasWords ? "message.voice" : "keep.noWords");
}
