// The list of conversations.

import { emit, on } from "./bus.js";
import { avatar, fill, h } from "./dom.js";
import { count, exact, shortTime, summary } from "./format.js";
import { session } from "./session.js";
import * as store from "./store.js";

const NEAR = 300;
let current = null;
let drawing = 0;

export const chatPath = (username) => `/chat/${encodeURIComponent(username)}`;

/** The list; it follows what happens for as long as the page lives. */
export function conversationList() {
  const list = h("ul", { class: "people" });
  const element = h("nav", { class: "list", "aria-label": "Conversations" }, list);
  const draw = () => {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(() => render(list));
  };
  for (const name of ["conversations", "presence", "typing", "opened"]) on(name, draw);
  element.addEventListener("scroll", () => {
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (left < NEAR && store.listed && !store.allListed) void store.loadConversations().catch(() => {});
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = [...element.querySelectorAll("a")];
    links[links.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  });
  render(list);
  return element;
}

/** The partner whose conversation is open. */
export function setCurrent(partnerId) {
  current = partnerId;
  emit("opened", partnerId);
}

function render(list) {
  const focused = document.activeElement?.closest?.(".people a")?.dataset.partner;
  if (!store.listed) return fill(list, ...Array.from({ length: 4 }, () => h("li", { class: "ghost", "aria-hidden": "true" })));
  const rows = store.sortedConversations();
  if (!rows.length) {
    const hint = "No conversations yet. Search for somebody by name to begin one.";
    return fill(list, h("li", { class: "hint", text: hint }));
  }
  fill(list, ...rows.map(row));
  if (focused) list.querySelector(`[data-partner="${focused}"]`)?.focus({ preventScroll: true });
  return list;
}

function row({ partner, lastMessage, unread }) {
  const typing = store.isTyping(partner._id);
  const line = typing ? "typing …" : draftOf(partner._id) || summary(lastMessage, lastMessage.senderId === session.me._id);
  const active = partner._id === current;
  const props = { href: chatPath(partner.username), class: unread ? "unread" : null, "data-partner": partner._id };
  return h(
    "li",
    {},
    h(
      "a",
      { ...props, "aria-current": active ? "page" : null },
      face(partner),
      h("span", { class: "name", dir: "auto", text: partner.username }),
      h("time", { datetime: lastMessage.dateSent, title: exact(lastMessage.dateSent), text: shortTime(lastMessage.dateSent) }),
      h("span", { class: `line${typing ? " typing" : ""}${lastMessage.audioFileId ? " spoken" : ""}`, dir: "auto", text: line }),
      unread > 0 && h("span", { class: "badge" }, count(unread), h("span", { class: "sr", text: " unread" })),
    ),
  );
}

function draftOf(partnerId) {
  const draft = partnerId !== current && localStorage.getItem(`chattergram.draft.${session.me._id}.${partnerId}`);
  return draft ? `Draft: ${draft}` : "";
}

/** Initial and online dot. */
export function face(person) {
  const online = store.person(person._id)?.online ?? person.online;
  return h("span", { class: "face" }, avatar(person.username), online && h("span", { class: "dot" }, h("span", { class: "sr", text: "online" })));
}
