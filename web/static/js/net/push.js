// Web Push: this browser's subscription, by which the server reaches it while no page is connected.

import { fetchPush, subscribeToPush, unsubscribeFromPush } from "./api.js";

/**
 * Subscribes this browser, or renews what the server knows of it. Where there is no Web Push nothing happens.
 * @throws {ApiError | DOMException} when the server or the browser's push service refuses or cannot be reached
 */
export async function subscribe() {
	const manager = await pushManager();
	const { key, subscribed } = await fetchPush();
	if (!manager || !key) return;
	const existing = await manager.getSubscription();
	if (existing && isOfKey(existing, key)) {
		if (!subscribed) await subscribeToPush(existing.toJSON());
		return;
	}
	await existing?.unsubscribe(); // of another key: the server has a new one
	const made = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
	await subscribeToPush(made.toJSON());
}

/** Ends the notifications to this browser. */
export async function unsubscribe() {
	await unsubscribeFromPush().catch(() => {}); // the push service tells it with the next notification
	await dropSubscription();
}

/** Ends them as far as this browser is concerned; the server ends them with the session. */
export async function dropSubscription() {
	const manager = await pushManager();
	const existing = await manager?.getSubscription();
	await existing?.unsubscribe().catch(() => {});
}

async function pushManager() {
	const registration = await navigator.serviceWorker?.getRegistration();
	return registration?.active ? (registration.pushManager ?? null) : null;
}

/**
 * @param {PushSubscription} subscription
 * @param {string} key base64url
 */
function isOfKey({ options }, key) {
	const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer());
	const text = btoa(String.fromCharCode(...bytes));
	return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") === key;
}
