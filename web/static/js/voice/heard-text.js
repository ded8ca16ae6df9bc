// What is made of the words that were heard in a recording before it is sent: corrected, gone on with, cut off.

import { isTimed, timedWords } from "./timed-words.js";

/** @import { HeardWord } from "../wire.js" */
/** @import { Correction } from "../state/kept-recordings.js" */
/** @import { ShownWord } from "./timed-words.js" */

/** @typedef {{ text: string, words: HeardWord[] }} Heard */

const UNHEARD = 0.5; // seconds at the end in which there is no word

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
 * The text that is sent of a recording whose words its speaker has seen; null where the server's own stands: its words are
 * settled, or there are more than those seen.
 * @param {Heard & { settled: number, seconds: number }} heard
 * @param {Correction | null} correction
 * @param {number} end seconds that are sent of it
 */
export function textToSend(heard, correction, end) {
	const isSettled = (heard.words[heard.settled]?.start ?? end) >= end;
	const sawAll = heard.seconds >= end - UNHEARD;
	if (!correction && (isSettled || !sawAll)) return null;
	return joined(correctedWords(heard, correction).filter(({ start }) => (start ?? 0) < end));
}

/**
 * The key of what is said below a recording, "" for nothing.
 * @param {{ heard: Heard | null, correction: Correction | null }} notes
 * @param {boolean} isConnected
 * @param {boolean} areLate whether one has spoken for so long that words should be there
 */
export function noteOn({ heard, correction }, isConnected, areLate) {
	if (!isConnected) return "record.waits";
	return areLate && !heard?.text && !correction ? "record.later" : "";
}

/** @param {ShownWord[]} words */
export const joined = (words) =>
	words.map(({ text, isJoined }, index) => (isJoined || !index ? text : ` ${text}`)).join("");
