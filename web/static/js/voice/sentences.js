// The sentence that is being said.

import { isTimed, timedWords, wordAt } from "./timed-words.js";

/** @import { Message } from "../wire.js" */

const ENDS = /[.!?…。！？؟।]["'”’»)\]]*$/u;
const LONGEST = 40; // words, where nothing ends a sentence

/**
 * The sentence at that second, "" where none is known.
 * @param {Pick<Message, "text" | "words">} message
 * @param {number} second
 */
export function sentenceAt(message, second) {
	const words = timedWords(message);
	if (!words.length || !words.every(isTimed)) return "";
	const at = Math.max(0, wordAt(words, second));
	let first = at;
	while (first > 0 && at - first < LONGEST && !ENDS.test(words[first - 1].text)) first -= 1;
	let last = at;
	while (last < words.length - 1 && last - at < LONGEST && !ENDS.test(words[last].text)) last += 1;
	return words
		.slice(first, last + 1)
		.map(({ text, isJoined }, index) => (isJoined || index === 0 ? text : ` ${text}`))
		.join("");
}
