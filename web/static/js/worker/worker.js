// The service worker: keeps the page's files, so that it opens at once and without a network, and shows notifications.
// The server's /sw.js starts it, with the list of those files; what people say and hear is never in its caches.

import { speak } from "../base/sentences.js";
import { openNotice, showPushed } from "./notices.js";
import { scope } from "./scope.js";
import { Shell } from "./shell.js";

/** @import { Files } from "./shell.js" */

/**
 * @param {Files} files
 */
export function start(files) {
	const shell = new Shell(files);
	scope.addEventListener("install", (event) => event.waitUntil(shell.fetchAll()));
	scope.addEventListener("activate", (event) => event.waitUntil(takeOver(shell)));
	scope.addEventListener("fetch", (event) => {
		const kept = shell.addressFor(event.request);
		if (kept) event.respondWith(shell.respond(kept, event.request));
	});
	scope.addEventListener("message", (event) => {
		if (event.data === "activate") scope.skipWaiting(); // a new version waits until the reader wants it
		if (event.data === "claim") event.waitUntil(scope.clients.claim()); // of a page that takeOver could not claim yet
	});
	scope.addEventListener("push", (event) => event.waitUntil(showInLanguage(shell, event.data)));
	scope.addEventListener("notificationclick", (event) => event.waitUntil(openNotice(event.notification)));
}

/**
 * @param {Shell} shell
 * @param {PushMessageData | null} data
 */
async function showInLanguage(shell, data) {
	const { tag, catalogue } = await shell.sentences();
	speak(catalogue, tag);
	await showPushed(data);
}

/** @param {Shell} shell */
async function takeOver(shell) {
	await shell.dropOthers();
	await scope.clients.claim();
}
