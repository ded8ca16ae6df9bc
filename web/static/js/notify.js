// Unread messages in the title, and notifications for those who want them.

import { on } from "./bus.js";
import { summary } from "./format.js";
import * as store from "./store.js";

const KEY = "chattergram.notifications";
const possible = "Notification" in window;

export const wanted = () => possible && localStorage[KEY] === "on" && Notification.permission === "granted";

/** Answers whether they are on now; the browser may refuse. */
export async function setWanted(value) {
	const granted = value && possible && (await Notification.requestPermission()) === "granted";
	localStorage[KEY] = granted ? "on" : "off";
	return granted;
}

export function startNotifying(title, open) {
	for (const name of ["conversations", "opened"]) {
		on(name, () => {
			const unread = store.totalUnread();
			document.title = (unread ? `(${unread}) ` : "") + title();
		});
	}
	on("incoming", ({ message }) => {
		const sender = store.person(message.senderId);
		if (!wanted() || !sender || (!document.hidden && document.hasFocus())) return;
		// The tag lets several tabs show a message once, and its transcript take its place.
		try {
			const shown = new Notification(sender.username, { body: summary(message), tag: message._id, icon: "/static/icon.svg" });
			shown.onclick = () => {
				window.focus();
				open(sender);
				shown.close();
			};
		} catch {} // Android's browsers have them for service workers only
	});
}
