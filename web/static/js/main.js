// Puts the parts together.

import { api } from "./api.js";
import { on } from "./bus.js";
import { conversation } from "./conversation.js";
import { chatPath, conversationList, setCurrent } from "./conversations.js";
import { announce, avatar, fill, h, spinner, view } from "./dom.js";
import { startNotifying } from "./notify.js";
import * as outbox from "./outbox.js";
import { navigate, route } from "./router.js";
import { search } from "./search.js";
import { session, setMe } from "./session.js";
import { settings } from "./settings.js";
import * as socket from "./socket.js";
import * as store from "./store.js";
import { welcome } from "./welcome.js";

const NOTICE = "chattergram.notice";
const TITLES = { login: "Log in · Chattergram", signup: "Sign up · Chattergram" };
const RETRY = 4_000;
const BANNER_AFTER = 1_500;

const app = document.getElementById("app");
let shell, finder, chat, listing, retrying, bannerTimer, again;
let turn = 0;

function show() {
	const where = route();
	turn += 1;
	if (!session.token) return showWelcome(where);
	if (where.page in TITLES) return navigate("/", true);
	if (!shell) enter();
	if (where.page === "chat" && chat?.partner.username === where.name) return chat.open(where.at, where.query);
	chat?.destroy();
	chat = null;
	setCurrent();
	shell.element.dataset.page = where.page;
	if (where.page === "chat") return showChat(where, turn);
	if (where.page === "settings") return fill(shell.pane, settings()).focus();
	return fill(shell.pane, view("nothing").element);
}

function showWelcome({ page }) {
	if (page === "chat" || page === "settings") {
		return navigate(`/login?next=${encodeURIComponent(location.pathname + location.search)}`, true);
	}
	fill(app, welcome(page in TITLES ? page : "landing", sessionStorage[NOTICE] ?? ""));
	sessionStorage.removeItem(NOTICE);
	document.title = TITLES[page] ?? "Chattergram";
	return app.querySelector("input")?.focus();
}

async function showChat({ name, at, query }, mine) {
	fill(shell.pane, h("div.nothing", spinner()));
	let partner;
	let why = `There is nobody called ${name}.`;
	try {
		await listing;
		partner = await store.findPerson(name);
	} catch (error) {
		why = error.message;
	}
	if (mine !== turn) return;
	if (partner?._id === session.me._id) why = "That is you.";
	else if (partner) {
		chat = conversation(partner);
		setCurrent(partner._id);
		fill(shell.pane, chat.element);
		chat.focus();
		return chat.open(at, query);
	}
	return fill(shell.pane, h("div.nothing", h("p", why), h("a", { href: "/" }, "All conversations")));
}

function enter() {
	shell = view("shell");
	conversationList(shell);
	finder = search(shell);
	showMe();
	fill(app, shell.element);
	outbox.load();
	api.me().then(setMe, () => {});
	begin();
}

function showMe() {
	const { username } = session.me;
	if (shell) fill(shell.me, avatar(username), h("span.name", { dir: "auto" }, username));
}

const newest = () => store.sorted()[0]?.lastMessage._id;

function begin() {
	clearTimeout(retrying);
	listing = store.loadConversations(true).then(
		() => {
			socket.start(newest());
			outbox.flush();
		},
		() => {
			offline();
			retrying = setTimeout(begin, RETRY);
		},
	);
}

function offline() {
	if (!session.token || !shell || shell.banner.firstChild) return;
	const { element, text, retry } = view("offline");
	retry.onclick = () => (store.listed.first ? socket.wake() : begin());
	fill(shell.banner, element);
	announce(text.textContent);
}

on("route", show);
on("me", showMe);
on("signed-out", (reason) => {
	// Nothing of that person may stay in memory, so the page begins anew.
	sessionStorage[NOTICE] = reason;
	location.assign(reason ? "/login" : "/");
});
on("connection", (connected) => {
	clearTimeout(bannerTimer);
	if (!connected) return (bannerTimer = setTimeout(offline, BANNER_AFTER));
	if (shell.banner.firstChild) announce("Connected again");
	fill(shell.banner);
	outbox.flush();
	if (again) store.loadConversations(true).catch(() => {}); // who is online is not told again
	again = true;
	return !chat && route().page === "chat" && show();
});
on("frame:resume", ({ complete }) => complete || store.reload(chat?.partner._id).then(() => socket.seen(newest()), () => {}));
on("incoming", ({ message: { senderId }, fresh }) => {
	const sender = store.person(senderId);
	if (fresh && sender && sender !== chat?.partner) announce(`${sender.username} wrote`);
});
on("frame:messages", taken);
on("frame:users", store.takePresence);
on("frame:typing", store.takeTyping);
on("frame:status", (change) => {
	if (change.status === "read") store.takeRead(change);
	else if (change.status === "transcribing") taken(change);
	else store.takeChange(change);
});

function taken(message) {
	outbox.discard(message);
	store.takeMessage(message);
}

document.addEventListener("keydown", (event) => {
	const typing = event.target.matches("input, textarea");
	if (!finder || !((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing))) return;
	event.preventDefault();
	if (!finder()) navigate("/");
	finder();
});

startNotifying(
	() => (chat ? `${chat.partner.username} · Chattergram` : "Chattergram"),
	(person) => navigate(chatPath(person)),
);
show();
