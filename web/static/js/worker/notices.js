// Notifications: shows what the server pushes while no page is connected, and opens the conversation at a click.

import { BASE, chatPath } from "../base/addresses.js";
import { say } from "../base/sentences.js";
import { scope } from "./scope.js";

/**
 * What the server pushes (chat/push/sending.py).
 * @typedef {object} Pushed
 * @property {string} messageId
 * @property {string} senderId
 * @property {string} sender the name
 * @property {boolean | null} isVoice null, as `text`, when the reader does not want to see what was said
 * @property {string | null} text
 */

const ICON = `${BASE}/static/icons/icon-192.png`;
const BADGE = `${BASE}/static/icons/badge-96.png`;

/** @param {PushMessageData | null} data */
export async function showPushed(data) {
	/** @type {Pushed} */
	const pushed = data?.json();
	const pages = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
	if (pages.some(({ focused, visibilityState }) => focused && visibilityState === "visible")) return;
	const { messageId, senderId, sender } = pushed;
	const earlier = await scope.registration.getNotifications({ tag: senderId });
	const isKnown = earlier.some((notice) => notice.data?.messageId === messageId); // sent again after a failure
	const options = { tag: senderId, renotify: !isKnown, icon: ICON, badge: BADGE };
	const kept = { messageId, path: chatPath({ _id: senderId, username: sender }) };
	await scope.registration.showNotification(titleOf(pushed), { ...options, body: bodyOf(pushed), data: kept });
}

/** @param {Pushed} pushed */
function titleOf({ sender, text }) {
	return text === null ? say("message.newFrom", { name: sender }) : sender;
}

/** @param {Pushed} pushed */
function bodyOf({ isVoice, text }) {
	return text || (isVoice ? say("message.voice") : "");
}

/** @param {Notification} notice */
export async function openNotice(notice) {
	notice.close();
	const { path } = notice.data;
	const pages = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
	const page = pages.find(({ focused }) => focused) ?? pages.at(0);
	if (!page) {
		await scope.clients.openWindow(path);
		return;
	}
	page.postMessage({ open: path });
	await page.focus();
}
