// Search over people and messages, typed or spoken.

import { api } from "./api.js";
import { announce, fill, h, icon, iconButton } from "./dom.js";
import { chatPath, face } from "./conversations.js";
import { shortTime } from "./format.js";
import { session } from "./session.js";
import * as store from "./store.js";
import { matcher } from "./transcript.js";

const PAUSE_MS = 200;
const PEOPLE = 30;
const SNIPPET_WORDS = 6; // of a long text, from that many words before the hit on
const Speech = window.SpeechRecognition ?? window.webkitSpeechRecognition;

export class Search {
  /** `onOpen(open)` tells whether results stand in place of the conversations. */
  constructor(onOpen) {
    this.onOpen = onOpen;
    const field = { type: "search", id: "search", placeholder: "Search people and messages", autocomplete: "off", enterkeyhint: "search" };
    this.input = h("input", { ...field, "aria-label": "Search people and messages", "aria-controls": "results" });
    this.results = h("div", { class: "list results", id: "results", hidden: true });
    this.closeButton = iconButton("close", "Close search", () => this.close());
    this.closeButton.hidden = true;
    const speak = Speech && iconButton("mic", "Search by voice", (event) => this.#listen(event.currentTarget), "speak");
    this.element = h("div", { class: "search", role: "search" }, icon("search"), this.input, speak, this.closeButton);
    this.input.addEventListener("focus", () => this.open());
    this.input.addEventListener("input", () => this.#later());
    for (const element of [this.element, this.results]) element.addEventListener("keydown", (event) => this.#key(event));
  }

  open() {
    if (!this.results.hidden) return;
    this.results.hidden = this.closeButton.hidden = false;
    this.onOpen(true);
    void this.#run();
  }

  close() {
    this.aborter?.abort();
    clearTimeout(this.timer);
    this.input.value = "";
    this.results.hidden = this.closeButton.hidden = true;
    this.input.blur();
    this.onOpen(false);
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Enter" && event.target === this.input) this.results.querySelector("a")?.click();
    else if (step) {
      const stops = [this.input, ...this.results.querySelectorAll("a, button")];
      stops[stops.indexOf(document.activeElement) + step]?.focus();
      event.preventDefault();
    }
  }

  #later() {
    this.open();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.#run(), PAUSE_MS);
  }

  async #run() {
    this.aborter?.abort();
    const { signal } = (this.aborter = new AbortController());
    const query = this.input.value.trim();
    try {
      if (query) await this.#find(query, signal);
      else await this.#everybody(signal);
    } catch (error) {
      if (!signal.aborted) fill(this.results, h("p", { class: "hint", text: error.message }));
    }
  }

  async #everybody(signal) {
    const people = await api.people("", PEOPLE, 0, signal);
    people.forEach(store.rememberPerson);
    const others = people.filter(({ _id }) => _id !== session.me._id);
    fill(this.results, section("People", others.map((person) => this.#person(person))));
  }

  async #find(query, signal) {
    const [named, hits] = await Promise.all([api.people(query, 8, 0, signal), api.search(query, 0, signal)]);
    named.forEach(store.rememberPerson);
    const people = new Map(named.map((person) => [person._id, person]));
    for (const { type, _id, text } of hits) {
      if (type === "user" && !people.has(_id)) people.set(_id, store.person(_id) ?? store.rememberPerson({ _id, username: text }));
    }
    people.delete(session.me._id);
    const messages = hits.filter(({ type }) => type === "chat");
    await Promise.all(messages.map(({ partnerId }) => store.findPartner(partnerId)));
    if (signal.aborted) return;
    const shown = messages.filter(({ partnerId }) => store.person(partnerId));
    fill(
      this.results,
      people.size > 0 && section("People", [...people.values()].map((person) => this.#person(person))),
      shown.length > 0 && section("Messages", shown.map((hit) => this.#message(hit, query))),
      !people.size && !shown.length && h("p", { class: "hint", text: `Nothing found for “${query}”.` }),
    );
    announce(`${people.size + shown.length} found`);
  }

  #person(person) {
    const name = h("span", { class: "name", dir: "auto", text: person.username });
    const bio = h("span", { class: "line", dir: "auto", text: person.bio ?? "" });
    const link = { href: chatPath(person.username), on: { click: () => this.close() } };
    return h("li", {}, h("a", link, face(person), name, bio));
  }

  #message(hit, query) {
    const partner = store.person(hit.partnerId);
    const href = `${chatPath(partner.username)}?at=${hit._id}&q=${encodeURIComponent(query)}`;
    const line = h("span", { class: `line snippet${hit.audioFileId ? " spoken" : ""}`, dir: "auto" }, ...snippet(hit.text, query));
    return h(
      "li",
      {},
      h(
        "a",
        { href },
        face(partner),
        h("span", { class: "name", dir: "auto", text: partner.username }),
        h("time", { datetime: hit.dateSent, text: shortTime(hit.dateSent) }),
        line,
      ),
    );
  }

  #listen(button) {
    const recognition = new Speech();
    recognition.interimResults = true;
    button.classList.add("live");
    recognition.onresult = ({ results }) => {
      this.input.value = [...results].map(([best]) => best.transcript).join(" ");
      this.#later();
    };
    recognition.onerror = () => {
      this.open();
      fill(this.results, h("p", { class: "hint", text: "This browser could not listen just now. Type instead." }));
    };
    recognition.onend = () => button.classList.remove("live");
    recognition.start();
  }
}

function section(title, rows) {
  return h("section", {}, h("h2", { text: title }), h("ul", { class: "people" }, ...rows));
}

/** The text around the first word that was searched for, such words marked. */
function snippet(text, query) {
  const hit = matcher(query);
  const words = text.split(/\s+/);
  const first = Math.max(0, words.findIndex(hit) - SNIPPET_WORDS);
  const shown = words.slice(first, first + 30).flatMap((word) => [" ", hit(word) ? h("mark", { text: word }) : word]);
  return [first > 0 ? "…" : "", ...shown];
}
