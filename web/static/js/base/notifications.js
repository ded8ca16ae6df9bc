// Notifications of the browser, for those who want them.

import { NOTIFICATIONS } from "./stored.js";

const ICON = "/static/icon.svg";
const isPossible = "Notification" in globalThis;

export function areWanted() {
	return isPossible && localStorage.getItem(NOTIFICATIONS) === "on" && Notification.permission === "granted";
}

/** Returns whether they are on now; the browser may refuse. */
export async function turnOn() {
	const isGranted = isPossible && (await Notification.requestPermission()) === "granted";
	localStorage.setItem(NOTIFICATIONS, isGranted ? "on" : "off");
	return isGranted;
}

/** Returns whether they are on now: no. */
export function turnOff() {
	localStorage.setItem(NOTIFICATIONS, "off");
	return false;
}

/**
 * @param {{ title: string, body: string, tag: string }} content several tabs show a notification of one tag only once, and
 *   a later one takes the place of an earlier one
 * @param {() => void} onClick
 */
export function notify({ title, body, tag }, onClick) {
	try {
		const shown = new Notification(title, { body, tag, icon: ICON });
		shown.onclick = () => {
			window.focus();
			onClick();
			shown.close();
		};
	} catch {
		// Android's browsers have them for service workers only.
	}
}
