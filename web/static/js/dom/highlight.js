// Texts with the words marked that were searched for, and with links.

import { piecesOf } from "../base/words.js";
import { h } from "./elements.js";

/** @import { Child } from "../page.js" */

/** @typedef {(word: string) => boolean} WordTest */

/**
 * @param {string} text
 * @param {WordTest | null} isHit tells which words to mark
 * @returns {Child[]}
 */
export function withMarks(text, isHit) {
	if (!isHit) return [text];
	const pieces = text.split(/(\s+)/).flatMap((stretch) => (stretch.trim() ? piecesOf(stretch) : [stretch]));
	return pieces.map((word) => (isHit(word) ? h("mark", word) : word));
}

/**
 * The same, and what looks like a web address is a link.
 * @param {string} text
 * @param {WordTest | null} isHit
 * @returns {Child[]}
 */
export function withLinks(text, isHit) {
	// Split by a pattern in parentheses, a text alternates: words, address, words …
	return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?')\]}])/i).map((part, index) => {
		const isAddress = index % 2 === 1;
		return isAddress ? link(part) : withMarks(part, isHit);
	});
}

/** @param {string} address */
function link(address) {
	return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address);
}
