// Texts with the words marked that were searched for, and with links.

import { findLinks } from "../base/links.js";
import { piecesOf } from "../base/words.js";
import { h } from "./elements.js";

/** @import { Link } from "../base/links.js" */
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
	return findLinks(text).map((piece) => (typeof piece === "string" ? withMarks(piece, isHit) : link(piece)));
}

/**
 * With a direction of its own, a link reads the same whatever stands before it.
 * @param {Link} link
 */
function link({ text, href, host }) {
	const attributes = { href, target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" };
	return [h("a", attributes, text), host && h("bdi.host", ` (${host})`)];
}
