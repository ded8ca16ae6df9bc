// Correcting a transcript where it stands, word by word: whichever word one goes to is heard.

import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { playStretch } from "./player.js";
import { isTimed, timedWords } from "./timed-words.js";

/** @import { LoadedMessage, RecordingSource } from "../page.js" */

const MAX_FIELDS = 400; // words that are fields of their own; a longer text is corrected as a whole
const AROUND = 0.25; // seconds heard before and after the word

/**
 * What has been typed so far, by the message's id: a row that leaves the view and comes back has it again.
 * @type {Map<string, string[]>}
 */
const typed = new Map();

/**
 * Whether each word can be corrected by itself.
 * @param {LoadedMessage} message
 */
export function isByWord(message) {
	const words = timedWords(message);
	return words.length > 0 && words.length <= MAX_FIELDS && words.every(isTimed);
}

/** @param {string} id the message's */
export const forgetCorrection = (id) => typed.delete(id);

/**
 * @param {LoadedMessage} message
 * @param {RecordingSource} source
 * @param {{ save: (text: string) => void, cancel: () => void }} outcome
 */
export function correctionForm(message, source, { save, cancel }) {
	const words = timedWords(message);
	const kept = typed.get(message._id) ?? [];
	const isOfThese = kept.length === words.length; // else the text has changed meanwhile
	const texts = isOfThese ? kept : words.map(({ text }) => text);
	typed.set(message._id, texts);
	const fields = words.map((word, index) => {
		const field = h("input.word-field", {
			label: say("transcript.word", { number: index + 1, word: word.text }),
			value: texts[index],
			dir: "auto",
		});
		field.size = Math.max(1, texts[index].length);
		field.oninput = () => {
			texts[index] = field.value;
			field.size = Math.max(1, field.value.length);
		};
		field.onfocus = () => {
			if (isTimed(word)) playStretch(source, word.start - AROUND, word.end + AROUND);
		};
		return field;
	});
	const form = h(
		"form.correction",
		{ label: say("transcript.correct") },
		h(
			"p.transcript",
			{ lang: message.language ?? "", dir: "auto" },
			fields.flatMap((field) => [field, " "]),
		),
		h(
			"div.ways",
			h("button.button.primary", { type: "submit" }, say("app.save")),
			h("button.button", { onclick: cancel }, say("app.cancel")),
		),
	);
	form.onsubmit = (event) => {
		event.preventDefault();
		save(joined(texts, words));
	};
	form.onkeydown = (event) => {
		if (event.key === "Escape") cancel();
	};
	return form;
}

/**
 * @param {string[]} texts
 * @param {{ isJoined: boolean }[]} words
 */
function joined(texts, words) {
	const parts = texts.map((text, index) => (words[index].isJoined ? text.trim() : ` ${text.trim()}`));
	return parts.join("").replace(/\s+/g, " ").trim();
}
