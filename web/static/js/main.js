// Starts the page: shows the page of the address, for those signed in and for those who are not.

import { loadSentences } from "./base/reading.js";
import { say } from "./base/sentences.js";
import { startWorker } from "./app/installed.js";
import { Shell } from "./app/shell.js";
import { on } from "./base/events.js";
import { BASE, currentRoute, navigate, startRouter } from "./base/router.js";
import { NOTICE } from "./base/stored.js";
import { fill, h } from "./dom/elements.js";
import { sayIn } from "./dom/say.js";
import { dropSubscription } from "./net/push.js";
import { session, startSession } from "./net/session.js";
import { forgetUnsent, keepOnly } from "./state/leaving.js";
import { landingPage, loginPage, signupPage } from "./pages/welcome.js";

/** @import { Route } from "./base/router.js" */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** The forms for those not signed in, by the address's page. */
const FORMS = new Map([
	["login", { title: /** @type {const} */ ("title.login"), show: loginPage }],
	["signup", { title: /** @type {const} */ ("title.signup"), show: signupPage }],
]);
const NEED_LOGIN = ["chat", "settings"];
const WELCOME = "";
const PATIENCE = 3_000; // milliseconds to forget who was signed in; a push service may not respond

/** @type {Shell | null} once somebody is signed in */
let shell = null;

function show() {
	const route = currentRoute();
	if (!session.token) showWelcome(route);
	else if (FORMS.has(route.page)) navigate(`${BASE}/`, true);
	else (shell ?? enter()).show(route);
}

function enter() {
	shell = new Shell();
	fill(app, shell.element);
	shell.start();
	startWorker();
	return shell;
}

/** @param {Route} route */
function showWelcome({ page }) {
	const isKnown = page === WELCOME || FORMS.has(page) || NEED_LOGIN.includes(page);
	if (!isKnown) {
		const home = h("a", { href: `${BASE}/` }, say("app.toHome"));
		fill(app, h("main.nothing", { id: "main", tabindex: -1 }, h("p", say("app.nothingHere")), home));
		return;
	}
	if (NEED_LOGIN.includes(page)) {
		navigate(`${BASE}/login?next=${encodeURIComponent(location.pathname + location.search)}`, true);
		return;
	}
	const form = FORMS.get(page);
	const notice = sessionStorage.getItem(NOTICE) ?? "";
	fill(app, form ? form.show(notice) : landingPage());
	sessionStorage.removeItem(NOTICE);
	document.title = form ? say(form.title) : "Chattergram";
	focusFirstField();
}

/** Where there is a form; the landing page has a slider, which is nothing to begin with. */
function focusFirstField() {
	const [form] = app.getElementsByTagName("form");
	form?.querySelector("input")?.focus();
}

/**
 * Nothing of who was signed in may stay in memory, so the page begins anew.
 * @param {string} reason
 */
async function beginAnew(reason) {
	sessionStorage.setItem(NOTICE, reason);
	const isLeaving = session.farewell !== null; // rather than that the session has ended
	const forgotten = Promise.allSettled([keepOnly(null), ...(isLeaving ? [forgetUnsent(), dropSubscription()] : [])]);
	await Promise.race([forgotten, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
	location.assign(`${BASE}/${reason ? "login" : ""}`);
}

on("signed-out", beginAnew);
keepOnly(session.me?._id ?? null); // what another person, or a tab that was closing, has left
startRouter();
startSession();
await loadSentences();
sayIn(document);
document.querySelector('meta[name="description"]')?.setAttribute("content", say("app.description"));
on("route", show);
show();
