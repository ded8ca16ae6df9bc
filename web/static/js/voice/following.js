// Elements that follow the player for as long as they are in the page.

import { on } from "../base/events.js";

/** @import { RecordingSource } from "../page.js" */

/**
 * Calls `update` now and whenever the player does something with the recording, until the element has left the page.
 * @param {HTMLElement} element
 * @param {RecordingSource} source
 * @param {() => void} update
 */
export function followPlayer(element, source, update) {
	let wasInPage = false;
	const updateOrStop = (/** @type {boolean} */ isConcerned) => {
		if (wasInPage && !element.isConnected) stops.forEach((stop) => stop());
		wasInPage = element.isConnected;
		if (isConcerned) update();
	};
	const stops = [on("player", (key) => updateOrStop(key === source.key)), on("speed", () => updateOrStop(true))];
	update();
}
