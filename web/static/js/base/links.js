// Where the links of a text are, and where they really lead.

import { LinkifyIt } from "../vendor/linkify-it.js";

/**
 * @typedef {object} Link
 * @property {string} text as it was written
 * @property {string} href
 * @property {string} host where it leads, when that is not what stands in the text; else ""
 */

// What is not seen, or turns the direction of what follows: no link has any of it in it, and none stands beside one.
const UNSEEN = /[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;
const AROUND = new RegExp(`(${UNSEEN.source}+)`, "u");
const BLANKS = /^[\t\n\r]+$/;

const SCHEME = /https?:\/\//giu;
const finder = new LinkifyIt({ urlAuth: true });

/**
 * The text in pieces, the links among them.
 * @param {string} text
 * @returns {(string | Link)[]}
 */
export function findLinks(text) {
	if (!text.includes("://")) return [text];
	// Split by a pattern in parentheses, a text alternates: text, what is not seen, text …
	const stretches = text.split(AROUND).map((stretch, index) => (index % 2 ? [stretch] : linksOf(stretch)));
	const isLink = (/** @type {(string | Link)[] | null} */ pieces, /** @type {number} */ at) =>
		typeof pieces?.at(at) === "object";
	return stretches.flatMap((pieces, index) => {
		const isUnseen = index % 2 === 1 && !BLANKS.test(String(pieces[0]));
		const isBesideLink = isLink(stretches[index - 1] ?? null, -1) || isLink(stretches[index + 1] ?? null, 0);
		return isUnseen && isBesideLink ? [] : pieces;
	});
}

/**
 * @param {string} stretch without anything unseen
 * @returns {(string | Link)[]}
 */
function linksOf(stretch) {
	/** @type {(string | Link)[]} */
	const pieces = [];
	let end = 0;
	for (const { index } of stretch.matchAll(SCHEME)) {
		// Where there are no blanks between words, there is none before a link either, so its beginning is found here.
		const found = index >= end ? finder.matchAtStart(stretch.slice(index)) : null;
		const link = found ? linkTo(found.raw) : null;
		if (!link) continue;
		pieces.push(stretch.slice(end, index), link);
		end = index + link.text.length;
	}
	return [...pieces, stretch.slice(end)].filter((piece) => piece !== "");
}

/**
 * @param {string} text
 * @returns {Link | null} null when it is no address of a page
 */
function linkTo(text) {
	if (!URL.canParse(text)) return null;
	const { href, host, protocol } = new URL(text);
	if (protocol !== "https:" && protocol !== "http:") return null;
	const written = text
		.slice(text.indexOf("//") + 2)
		.split(/[/?#\\]/u)[0]
		.toLowerCase();
	const isPlain = written === host || written === `${host}:${protocol === "https:" ? 443 : 80}`;
	return { text, href, host: isPlain ? "" : host };
}
