// What screen readers are told.

import { h } from "./elements.js";

const KEPT = 9_000; // milliseconds; long enough to be read, and then no longer found by who walks through the page

/** @param {string} text */
export function announce(text) {
	const line = h("p", text);
	document.getElementById("announcer")?.append(line);
	setTimeout(() => line.remove(), KEPT);
}
