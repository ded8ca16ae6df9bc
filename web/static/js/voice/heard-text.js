// What is made of the words that were heard in a recording before it is sent: corrected, gone on with, cut off.

import { isTimed, timedWords } from "./timed-words.js";

/** @import { HeardWord } from "../wire.js" */
/** @import { Correction } from "../state/kept-recordings.js" */
/** @import { ShownWord } from "./timed-words.js" */

/** @typedef {{ text: string, words: HeardWord[] }} Heard */

/**
 * The words as they are shown while one speaks, and which of them will not change any more.
 * @param {Heard & { settled: number }} heard
 */
export function wordsSoFar({ text, words, settled }) {
	const unsettledFrom = words[settled]?.start ?? Infinity;
	return timedWords({ text, words }).map((word) => ({ ...word, isSettled: (word.start ?? 0) < unsettledFrom }));
}

/**
 * @param {Heard} heard
 * @param {Correction | null} correction
 * @returns {ShownWord[]}
 */
export function correctedWords({ text, words }, correction) {
	if (!correction) return timedWords({ text, words });
	const { until } = correction;
	const before = words.filter(({ start }) => start < until);
	const later = timedWords({ text, words }).filter((word) => isTimed(word) && word.start >= until);
	return [...timedWords({ text: correction.text, words: before }), ...later];
}

/**
 * The text that is sent; null where what was heard stands.
 * @param {Heard} heard
 * @param {Correction | null} correction
 * @param {number | null} cutAt seconds
 */
export function textToSend(heard, correction, cutAt) {
	if (!correction && cutAt === null) return null;
	const words = correctedWords(heard, correction);
	return joined(words.filter(({ start }) => (start ?? 0) < (cutAt ?? Infinity)));
}

/** @param {ShownWord[]} words */
export const joined = (words) =>
	words.map(({ text, isJoined }, index) => (isJoined || !index ? text : ` ${text}`)).join("");
