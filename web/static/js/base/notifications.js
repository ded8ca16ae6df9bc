// Notifications of the browser, for those who want them.

import { BASE, navigate } from "./router.js";
import { NOTIFICATIONS } from "./stored.js";

const ICON = `${BASE}/static/icons/icon-192.png`;
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
 * Shows one; a click on it leads to `path`. By the service worker, since Android's browsers know no other way and since it
 * outlives the page; by the page where there is no worker.
 * @param {{ title: string, body: string, tag: string, path: string }} content several tabs show a notification of one tag
 *   only once, and a later one takes the place of an earlier one
 */
export async function notify({ title, body, tag, path }) {
	const registration = await navigator.serviceWorker?.getRegistration();
	if (registration?.active) await registration.showNotification(title, { body, tag, icon: ICON, data: { path } });
	else notifyHere(title, { body, tag, icon: ICON }, path);
}

/**
 * @param {string} title
 * @param {NotificationOptions} options
 * @param {string} path
 */
function notifyHere(title, options, path) {
	const shown = new Notification(title, options);
	shown.onclick = () => {
		window.focus();
		navigate(path);
		shown.close();
	};
}
