// Puts the parts together: pages by address, frames into the store, the outbox and the socket by connection.

import { on } from "./bus.js";
import { Conversation } from "./conversation.js";
import { conversationList, setCurrent } from "./conversations.js";
import { announce, fill, h, icon, iconButton } from "./dom.js";
import { startNotifying } from "./notify.js";
import * as outbox from "./outbox.js";
import { stop as stopPlaying } from "./player.js";
import { navigate, route } from "./router.js";
import { Search } from "./search.js";
import { session, signedIn } from "./session.js";
import { settingsPage } from "./settings.js";
import * as socket from "./socket.js";
import * as store from "./store.js";
import "./theme.js";
import { landing, logIn, signUp, wordmark } from "./welcome.js";

const BANNER_AFTER_MS = 1_500;
const RETRY_MS = 4_000;

const app = document.getElementById("app");
let shell = null;
let conversation = null;
let showing = 0;
let notice = "";
let bannerTimer;

function build() {
  const list = conversationList();
  const search = new Search((open) => (list.hidden = open));
  const me = h("span", { class: "me", dir: "auto", text: session.me.username });
  const settings = h("a", { href: "/settings", class: "account", "aria-label": "Settings" }, me, icon("sliders"));
  const begin = iconButton("pen", "New conversation", () => search.focus());
  const head = h("header", { class: "sidebar-head" }, h("a", { href: "/", "aria-label": "Chattergram, home" }, wordmark()), begin);
  const banner = h("div", { class: "banner", role: "status" });
  const sidebar = h("aside", { class: "sidebar", "aria-label": "Conversations and search" }, head, search.element, list, search.results, settings);
  const pane = h("main", { class: "pane", id: "main", tabindex: -1 });
  shell = { element: h("div", { class: "shell" }, banner, sidebar, pane), banner, pane, me, search };
  fill(app, shell.element);
}

/** Shows the page of the address. */
async function show() {
  const turn = (showing += 1);
  const where = route();
  if (!session.token) {
    showWelcome(where);
    return;
  }
  if (where.page === "login" || where.page === "signup") {
    navigate("/", { replace: true });
    return;
  }
  if (!shell) enter();
  if (where.page === "chat" && conversation?.partner.username.toLowerCase() === where.name.toLowerCase()) {
    await conversation.open(where.at, where.query);
    return;
  }
  leave();
  shell.element.dataset.page = where.page;
  if (where.page === "settings") fill(shell.pane, settingsPage());
  else if (where.page === "home") fill(shell.pane, nothingOpen());
  else await showChat(where, turn);
}

function showWelcome(where) {
  if (shell) quit();
  if (where.page === "chat" || where.page === "settings") {
    const next = encodeURIComponent(location.pathname + location.search);
    history.replaceState(null, "", `/login?next=${next}`);
    where = { page: "login" };
  }
  const page = { login: () => logIn(notice), signup: signUp }[where.page] ?? landing;
  notice = "";
  fill(app, page());
  document.title = { login: "Log in · Chattergram", signup: "Sign up · Chattergram" }[where.page] ?? "Chattergram";
  app.querySelector("input")?.focus({ preventScroll: true });
}

async function showChat(where, turn) {
  fill(shell.pane, h("div", { class: "nothing" }, h("span", { class: "spinner" })));
  let partner;
  try {
    if (store.personNamed(where.name) === undefined && !store.listed) await listing.catch(() => {});
    partner = await store.findPerson(where.name);
  } catch (error) {
    if (turn === showing) fill(shell.pane, trouble(error.message));
    return;
  }
  if (turn !== showing) return;
  if (!partner || partner._id === session.me._id) {
    fill(shell.pane, trouble(partner ? "That is you." : `There is nobody called ${where.name}.`));
    return;
  }
  conversation = new Conversation(partner);
  setCurrent(partner._id);
  fill(shell.pane, conversation.element);
  if (!where.at) conversation.composer.focus();
  await conversation.open(where.at, where.query);
}

function trouble(text) {
  const again = h("button", { type: "button", class: "button quiet", on: { click: () => void show() } }, "Try again");
  return h("div", { class: "nothing" }, h("p", { text }), again, h("a", { href: "/", class: "link" }, "All conversations"));
}

function nothingOpen() {
  return h("div", { class: "nothing" }, icon("wave", "large"), h("p", { text: "Choose a conversation, or search for somebody to begin one." }));
}

function leave() {
  conversation?.destroy();
  conversation = null;
  setCurrent(null);
}

let listing = null;
let retryListing;

/** After signing in, or a load of the page. */
function enter() {
  build();
  void outbox.load();
  begin();
}

function begin() {
  clearTimeout(retryListing);
  listing = store.loadConversations({ fresh: true });
  listing.then(
    () => {
      socket.start(store.sortedConversations()[0]?.lastMessage._id);
      void outbox.flush();
    },
    () => {
      offline(true);
      if (session.token) retryListing = setTimeout(begin, RETRY_MS);
    },
  );
}

/** Signed out: nothing of that person may stay in memory, so the page begins anew. */
function quit() {
  socket.stop();
  stopPlaying();
  if (notice) sessionStorage.setItem("chattergram.notice", notice);
  location.assign(notice ? "/login" : "/");
}

function offline(is) {
  clearTimeout(bannerTimer);
  if (!shell) return;
  if (!is) {
    if (shell.banner.childElementCount) announce("Connected again");
    fill(shell.banner);
    return;
  }
  const retry = h("button", { type: "button", class: "link", on: { click: () => (store.listed ? socket.wake() : begin()) } }, "Try now");
  fill(shell.banner, h("span", { text: "No connection. What you write goes out as soon as there is one. " }), retry);
}

on("route", () => void show());
on("me", () => shell && (shell.me.textContent = session.me.username));
on("signed-out", (reason) => {
  notice = reason;
  if (shell) quit();
  else void show();
});
on("new-token", (answer) => {
  signedIn(answer);
  socket.wake();
});
on("connection", (connected) => {
  clearTimeout(bannerTimer);
  if (connected) {
    offline(false);
    void outbox.flush();
  } else bannerTimer = setTimeout(() => session.token && offline(true), BANNER_AFTER_MS);
});
on("resumed", ({ complete }) => {
  if (!complete) store.reload(conversation?.partner._id).catch(() => socket.wake());
});
on("frame:messages", (message) => {
  outbox.settled(message);
  store.takeMessage(message);
});
on("frame:users", store.takePresence);
on("frame:typing", store.takeTyping);
on("frame:status", (change) => {
  if (change.status === "read") store.takeRead(change);
  else if (change.status === "transcribing") {
    outbox.settled(change);
    store.takeMessage(change);
  } else store.takeChange(change);
});

document.addEventListener("keydown", (event) => {
  if (!shell) return;
  const typing = event.target.matches?.("input, textarea");
  if ((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing)) {
    event.preventDefault();
    shell.search.focus();
  }
});

notice = sessionStorage.getItem("chattergram.notice") ?? "";
sessionStorage.removeItem("chattergram.notice");
const pageTitle = () => (conversation ? `${conversation.partner.username} · Chattergram` : "Chattergram");
startNotifying(pageTitle, ({ username }) => navigate(`/chat/${encodeURIComponent(username)}`));
void show();
