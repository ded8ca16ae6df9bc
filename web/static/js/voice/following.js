// Elements that follow the player. It finds them in the page, so nothing has to be told when one leaves it, and nothing
// keeps those that have.

import { on } from "../base/events.js";

/** @import { RecordingSource } from "../page.js" */

/** @type {WeakMap<Element, () => void>} */
const updates = new WeakMap();

/**
 * Calls `update` now, and whenever the player does something with the recording while the element is in the page.
 * @param {HTMLElement} element
 * @param {RecordingSource} source
 * @param {() => void} update
 */
export function followPlayer(element, { key }, update) {
	element.dataset.recording = key;
	updates.set(element, update);
	update();
}

/** @param {string} selector */
function updateAll(selector) {
	for (const element of document.querySelectorAll(selector)) updates.get(element)?.();
}

on("player", (key) => updateAll(`[data-recording="${CSS.escape(key)}"]`));
on("speed", () => updateAll("[data-recording]"));
