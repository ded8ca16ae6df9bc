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
	const options = /** @type {RegistrationOptions} */ ({ type: "module", updateViaCache: "none" });
	const registration = await serviceWorker.register(WORKER, options).catch(() => null); // then it works only online
	if (!registration) return;
	followUpdates(registration);
	if (areWanted()) serviceWorker.ready.then(subscribe).catch(() => {}); // the next visit tries again
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
