// Tells when dates look different from before: at midnight, in another time zone or in another language.

import { emit } from "./events.js";
import { readingKey } from "./format.js";

const LOOK = 30_000; // milliseconds; a browser does not tell when the time zone changes, and timers sleep with the device

/** Emits `dates` from now on whenever dates look different. */
export function startClock() {
	let shown = readingKey();
	const look = () => {
		const key = readingKey();
		if (key === shown) return;
		shown = key;
		emit("dates", null);
	};
	const wait = () => {
		const midnight = new Date().setHours(24, 0, 0, 0);
		setTimeout(tick, Math.min(LOOK, midnight - Date.now()));
	};
	const tick = () => {
		look();
		wait();
	};
	wait();
	window.addEventListener("languagechange", look);
	window.addEventListener("focus", look);
	document.addEventListener("visibilitychange", look);
}
