// The service worker, as the page sees it: registers it, and says when a new version of the page is ready.

import { BASE } from "../base/addresses.js";
import { on } from "../base/events.js";
import { areWanted } from "../base/notifications.js";
import { navigate } from "../base/router.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { h } from "../dom/elements.js";
import { subscribe } from "../net/push.js";

const WORKER = `${BASE}/sw.js`;
const BETWEEN_CHECKS = 60_000; // milliseconds
const FIRST_PAUSE = 2_000; // milliseconds; twice as long after each attempt
const LAST_PAUSE = 60_000; // then the next visit tries again

/** Begins when the page has loaded, so that nothing of it waits. Browsers have workers only for pages that came by https. */
export function startWorker() {
	if (!("serviceWorker" in navigator)) return;
	navigator.serviceWorker.addEventListener("message", ({ data }) => {
		if (data?.open) navigate(data.open); // a notification was clicked
	});
	if (document.readyState === "complete") register();
	else window.addEventListener("load", register, { once: true });
}

async function register() {
	const { serviceWorker } = navigator;
	let isControlled = Boolean(serviceWorker.controller);
	serviceWorker.addEventListener("controllerchange", () => {
		if (isControlled) offerReload(null); // another tab has taken the new version
		isControlled = true;
	});
	const registration = await install();
	if (!registration) return; // then it works only online
	followUpdates(registration);
	const { active } = await serviceWorker.ready;
	if (!serviceWorker.controller) active?.postMessage("claim"); // it took over while this page was just being opened
	if (areWanted()) subscribe().catch(() => {}); // the next visit tries again
}

/** Tries again if the worker's script or a file that it keeps did not arrive; null after the last attempt. */
async function install() {
	const options = /** @type {RegistrationOptions} */ ({ type: "module", updateViaCache: "none" });
	for (let pause = FIRST_PAUSE; pause < LAST_PAUSE; pause *= 2) {
		const registration = await navigator.serviceWorker.register(WORKER, options).catch(() => null);
		if (registration && (await isInstalled(registration))) return registration;
		await new Promise((resolve) => setTimeout(resolve, pause));
	}
	return null;
}

/**
 * Waits for a first installation; one that fails leaves no worker.
 * @param {ServiceWorkerRegistration} registration
 */
async function isInstalled({ active, waiting, installing }) {
	if (active || waiting) return true;
	if (!installing) return false;
	if (installing.state === "installing") {
		await new Promise((resolve) => installing.addEventListener("statechange", resolve, { once: true }));
	}
	return installing.state !== "redundant";
}

/** @param {ServiceWorkerRegistration} registration */
function followUpdates(registration) {
	if (registration.waiting && registration.active) offerReload(registration.waiting);
	registration.addEventListener("updatefound", () => {
		const { installing } = registration;
		installing?.addEventListener("statechange", () => {
			if (installing.state === "installed" && registration.active) offerReload(installing);
		});
	});
	let checked = performance.now();
	const check = () => {
		if (document.hidden || performance.now() - checked < BETWEEN_CHECKS) return;
		checked = performance.now();
		registration.update().catch(() => {});
	};
	document.addEventListener("visibilitychange", check);
	on("connection", check); // a deploy closes every socket
}

/** @param {ServiceWorker | null} waiting null when it is in charge already */
function offerReload(waiting) {
	document.querySelector(".update")?.remove();
	const reload = h("button.button", { type: "button" }, say("app.reload"));
	reload.onclick = () => {
		if (!waiting || waiting.state === "activated") location.reload();
		navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
		waiting?.postMessage("activate");
	};
	document.body.append(h("p.update", say("app.newVersion"), " ", reload));
	announce(say("app.newVersion"));
}
