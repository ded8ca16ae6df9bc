// Printing a conversation, and saving it as a file that needs nothing else. Both have all of its messages, not only those that
// are loaded.

import { isoDay } from "../base/format.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { me } from "../net/session.js";
import { wholeHistory } from "../state/whole-history.js";
import { conversationDocument } from "./conversation-document.js";

/** @import { Person } from "../wire.js" */
/** @typedef {(count: number) => boolean} Progress is told how many messages are read; returns whether to go on */

/* eslint-disable no-restricted-syntax -- HTML and CSS, with nothing to be read */
const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:42rem;margin:auto;padding:2rem 1rem}
h1,h2,.spoken{font-family:Georgia,serif}
h2{font-size:1rem;font-style:italic;margin:2rem 0 .5rem}
article{margin:.75rem 0;break-inside:avoid}
p{margin:0;overflow-wrap:anywhere}
.text{white-space:pre-wrap}
.about,.note,time{opacity:.7;font-size:.85rem}`;
/* eslint-enable no-restricted-syntax */

const KEPT = 60_000; // milliseconds until the address of a saved file is given up; the browser has read it long before

/**
 * @param {Person} partner
 * @param {Progress} onProgress
 * @returns {Promise<HTMLElement | null>} null when it was stopped
 */
async function readDocument(partner, onProgress) {
	const kept = await wholeHistory(partner._id, onProgress);
	return kept && conversationDocument(kept, { me: me(), partner }, new Date());
}

/**
 * @param {Person} partner
 * @param {Progress} onProgress
 */
export async function printConversation(partner, onProgress) {
	const printout = await readDocument(partner, onProgress);
	if (!printout) return;
	document.body.append(printout);
	window.addEventListener("afterprint", () => printout.remove(), { once: true });
	window.print();
}

/**
 * @param {Person} partner
 * @param {Progress} onProgress
 */
export async function downloadConversation(partner, onProgress) {
	const printout = await readDocument(partner, onProgress);
	if (!printout) return;
	const url = URL.createObjectURL(new Blob([pageOf(printout, partner)], { type: "text/html" }));
	const link = h("a", { href: url, download: `Chattergram, ${partner.username}, ${isoDay(new Date())}.html` });
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), KEPT);
}

/**
 * @param {HTMLElement} content
 * @param {Person} partner
 */
function pageOf(content, { username }) {
	const head = h("head", h("title", say("keep.title", { name: username })), h("style", STYLE));
	const { lang, dir } = document.documentElement;
	const viewport = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">';
	// eslint-disable-next-line no-restricted-syntax -- HTML
	return `<!doctype html><html lang="${lang}" dir="${dir}">${viewport}${head.innerHTML}<body>${content.outerHTML}</body></html>`;
}
