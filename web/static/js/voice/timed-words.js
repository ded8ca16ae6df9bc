// When each word of a transcript is spoken. A corrected text keeps the times of the words that stayed.

import { plainWords } from "../base/word-matching.js";
import { isSpaceless, wordsOf } from "../base/words.js";

/** @import { HeardWord } from "../wire.js" */

/**
 * A word of the text as it is shown; without times where nothing was heard.
 * @typedef {object} ShownWord
 * @property {string} text
 * @property {boolean} isJoined no blank parts it from the word before
 * @property {boolean} unsure
 * @property {number | null} start seconds
 * @property {number | null} end seconds
 */
/** @typedef {ShownWord & { start: number, end: number }} TimedWord */

const UNSURE = 0.6; // below this confidence the recogniser was not sure
const AHEAD = 12; // words that may have been put in or taken out in one place
const HELD = 1; // seconds of a pause that belong to the word before it

/** @type {{ unsure: boolean, start: number | null, end: number | null }} */
const UNHEARD = { unsure: false, start: null, end: null };
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** @param {string} word */
const plain = (word) => plainWords(word).join("");

/**
 * The words of a message's text. Either all of them have times or none has.
 * @param {{ text: string, words?: HeardWord[] | null }} message
 * @returns {ShownWord[]}
 */
export function timedWords({ text, words }) {
	const heard = (words ?? []).flatMap(lettersHeard);
	const shown = wordsOf(text).map((word) => ({ ...word, ...UNHEARD }));
	const parts = shown.map((word) =>
		lettersOf(word.text).map((letter) => ({ ...UNHEARD, text: letter, isJoined: true })),
	);
	align(parts.flat(), heard);
	shown.forEach((word, index) => joinTimes(word, parts[index]));
	const last = heard.at(-1);
	if (last) shareGaps(shown, last.end);
	return shown;
}

/**
 * What is compared with what was heard: a word, or each letter of a script without blanks, since recognisers part such
 * words in other places than we do.
 * @param {string} word
 */
function lettersOf(word) {
	if (!isSpaceless(word)) return [word];
	const letters = [...graphemes.segment(word)].map(({ segment }) => segment);
	return letters.some(plain) ? letters.filter(plain) : [word];
}

/**
 * @param {HeardWord} heard
 * @returns {HeardWord[]}
 */
function lettersHeard(heard) {
	const letters = lettersOf(heard.word);
	const share = (heard.end - heard.start) / letters.length;
	return letters.map((word, index) => {
		const start = heard.start + share * index;
		return { ...heard, word, start, end: start + share };
	});
}

/**
 * Gives a word the times of those of its letters that were heard.
 * @param {ShownWord} word
 * @param {ShownWord[]} letters
 */
function joinTimes(word, letters) {
	const heard = letters.filter(isTimed);
	if (!heard.length) return;
	const { start } = heard[0];
	const { end } = heard[heard.length - 1];
	Object.assign(word, { start, end, unsure: heard.some(({ unsure }) => unsure) });
}

/**
 * @param {ShownWord} word
 * @returns {word is TimedWord}
 */
export const isTimed = (word) => word.start !== null;

/**
 * Gives each shown word the times of the heard word it is, in order.
 * @param {ShownWord[]} shown
 * @param {HeardWord[]} heard
 */
function align(shown, heard) {
	const shownPlain = shown.map(({ text }) => plain(text));
	const heardPlain = heard.map(({ word }) => plain(word));
	let next = 0;
	shown.forEach((word, index) => {
		const found = findHeard(shownPlain, index, heardPlain, next);
		if (found === null) return;
		const { start, end, confidence } = heard[found];
		Object.assign(word, { start, end, unsure: (confidence ?? 1) < UNSURE });
		next = found + 1;
	});
}

/**
 * Where a shown word was heard; null when a later shown word fits that stretch better.
 * @param {string[]} shown
 * @param {number} index
 * @param {string[]} heard
 * @param {number} next the first heard word that is not taken yet
 */
function findHeard(shown, index, heard, next) {
	for (let step = 0; step <= AHEAD; step += 1) {
		const isHeard = next + step < heard.length && heard[next + step] === shown[index];
		if (isHeard) return next + step;
		const isPutIn = step > 0 && next < heard.length && shown[index + step] === heard[next];
		if (isPutIn) return null;
	}
	return null;
}

/**
 * Words that were put in share the time of the word before them, the first ones that of the word after.
 * @param {ShownWord[]} words
 * @param {number} total seconds
 */
function shareGaps(words, total) {
	let index = 0;
	while (index < words.length) {
		if (isTimed(words[index])) index += 1;
		else index = shareGap(words, index, total);
	}
}

/**
 * Returns where the words go on that have times.
 * @param {ShownWord[]} words
 * @param {number} gap where words without times begin
 * @param {number} total seconds
 */
function shareGap(words, gap, total) {
	const next = words.findIndex((word, index) => index > gap && isTimed(word));
	const gapEnd = next < 0 ? words.length : next;
	const first = Math.max(0, gap - 1);
	const end = gap > 0 ? gapEnd : Math.min(words.length, gapEnd + 1);
	const from = words[first].start ?? 0;
	const until = end < words.length ? (words[end].start ?? total) : total;
	const share = (until - from) / (end - first);
	for (let index = first; index < end; index += 1) {
		words[index].start = from + share * (index - first);
		words[index].end = from + share * (index - first + 1);
	}
	return end;
}

/**
 * The index of the word spoken at that second, -1 when none is; the beginning of a pause belongs to the word before.
 * @param {TimedWord[]} words
 * @param {number} second
 */
export function wordAt(words, second) {
	const found = words.findLastIndex(({ start }) => start <= second);
	return found >= 0 && second < words[found].end + HELD ? found : -1;
}
