// Correcting a transcript where it stands, word by word: whichever word one goes to is heard.

import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { playStretch } from "./player.js";
import { isTimed, timedWords } from "./timed-words.js";

/** @import { RecordingSource } from "../page.js" */
/** @import { HeardWord } from "../wire.js" */

/** @typedef {{ _id: string, text: string, words?: HeardWord[] | null, language?: string | null }} Spoken */
/** @typedef {{ save: (text: string) => void, cancel: () => void }} Outcome */

const MAX_FIELDS = 400; // words that are fields of their own; a longer text is corrected as a whole
const AROUND = 0.25; // seconds heard before and after the word

/**
 * What has been typed so far, by the message's id: a row that leaves the view and comes back has it again.
 * @type {Map<string, string[]>}
 */
const typed = new Map();

/**
 * Whether each word can be corrected by itself.
 * @param {Spoken} message
 */
export function isByWord(message) {
	const words = timedWords(message);
	return words.length > 0 && words.length <= MAX_FIELDS && words.every(isTimed);
}

/** @param {string} id the message's */
export const forgetCorrection = (id) => typed.delete(id);

/**
 * @param {Spoken} message
 * @param {RecordingSource} source
 * @param {Outcome} outcome
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
	const paragraph = h(
		"p.transcript",
		{ lang: message.language ?? "", dir: "auto" },
		fields.flatMap((field) => [field, " "]),
	);
	return formOf(paragraph, () => save(joined(texts, words)), cancel);
}

/**
 * The same for a text that is too long for fields of its words.
 * @param {Spoken} message
 * @param {Outcome} outcome
 */
export function textForm({ text, language }, { save, cancel }) {
	const label = say("transcript.correct");
	const field = h("textarea.whole-text", { label, lang: language ?? "", dir: "auto", rows: 8 }, text);
	return formOf(field, () => save(field.value.replace(/\s+/g, " ").trim()), cancel);
}

/**
 * @param {HTMLElement} content
 * @param {() => void} save
 * @param {() => void} cancel
 */
function formOf(content, save, cancel) {
	const form = h(
		"form.correction",
		{ label: say("transcript.correct") },
		content,
		h(
			"div.ways",
			h("button.button.primary", { type: "submit" }, say("app.save")),
			h("button.button", { onclick: cancel }, say("app.cancel")),
		),
	);
	form.onsubmit = (event) => {
		event.preventDefault();
		event.stopPropagation(); // the composer around it is a form, too
		save();
	};
	form.onkeydown = (event) => {
		if (event.key !== "Escape") return;
		event.stopPropagation(); // around it, Escape may mean to leave off
		cancel();
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
