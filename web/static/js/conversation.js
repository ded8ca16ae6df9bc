// The open conversation: its head, its messages, what one writes in.

import { api } from "./api.js";
import { on } from "./bus.js";
import { Composer, followDrafts } from "./composer.js";
import { announce, avatar, fill, h, icon, iconButton } from "./dom.js";
import { count, lastSeen, summary } from "./format.js";
import { itemsOf, keyOf } from "./items.js";
import { ask, openMenu } from "./menu.js";
import { messageRow, showProgress, sourceOf } from "./message.js";
import * as outbox from "./outbox.js";
import { player, seek, stop } from "./player.js";
import { session } from "./session.js";
import * as store from "./store.js";
import { Timeline } from "./timeline.js";
import { matcher, timedWords } from "./transcript.js";

export class Conversation {
  constructor(partner) {
    this.partner = partner;
    this.history = store.history(partner._id);
    this.fresh = 0; // messages that came while one read further up
    this.unread = store.conversations.get(partner._id)?.unread ?? 0;
    this.#build();
    this.stops = [
      on("history", (changed) => changed === this.history && this.#draw()),
      on("outbox", (receiverId) => receiverId === partner._id && this.#draw()),
      on("upload", (item) => showProgress(this.timeline.element, item)),
      on("presence", (id) => id === partner._id && this.#status()),
      on("typing", (id) => id === partner._id && this.#status()),
      on("incoming", (message) => message.senderId === partner._id && this.#came(message)),
      followDrafts(this.composer),
    ];
    this.watch = () => this.#read();
    window.addEventListener("focus", this.watch);
    document.addEventListener("visibilitychange", this.watch);
  }

  #build() {
    const { partner } = this;
    this.state = h("p", { class: "state" });
    this.head = h(
      "header",
      { class: "conversation-head" },
      h("a", { href: "/", class: "icon-button back", "aria-label": "All conversations" }, icon("back")),
      avatar(partner.username),
      h("div", { class: "who" }, h("h1", { dir: "auto", text: partner.username }), this.state),
      partner.bio && h("p", { class: "bio", dir: "auto", text: partner.bio }),
    );
    this.timeline = new Timeline({
      label: `Conversation with ${partner.username}`,
      row: (item) => messageRow(item, (button, message, mine) => this.#menu(button, message, mine)),
      onStart: () => this.#load("loadOlder"),
      onEnd: () => this.#load("loadNewer"),
      onView: () => this.#viewed(),
    });
    this.timeline.element.addEventListener("click", ({ target }) => {
      const id = target.closest("[data-action=transcribe]")?.closest("[data-id]").dataset.id;
      if (id) void this.#transcribe(id);
    });
    this.newer = h("span", { class: "badge" });
    this.jump = iconButton("down", "To the newest message", () => this.toNewest(), "jump");
    this.jump.append(this.newer);
    this.jump.hidden = true;
    this.notice = h("div", { class: "notice", role: "status" });
    this.composer = new Composer(partner, { onSent: () => this.toNewest(), lastOwn: () => this.#lastOwn() });
    const middle = h("div", { class: "middle" }, this.timeline.element, this.notice, this.jump);
    this.element = h("section", { class: "conversation", "aria-label": partner.username }, this.head, middle, this.composer.element);
    this.#status();
  }

  /** Loads and shows the newest, or the message `at`, with the words of `query` marked. */
  async open(at = null, query = "") {
    this.hit = at && { id: at, query };
    if (!this.history.loaded || (at && !this.history.byId.has(at))) fill(this.notice, h("span", { class: "spinner" }));
    try {
      const found = at ? await this.history.loadAround(at) : await this.#loadNewest();
      if (at && !found) {
        await this.#loadNewest();
        announce("That message is no longer there.");
        at = null;
      }
    } catch (error) {
      this.#trouble(error, () => this.open(at, query));
      return;
    }
    fill(this.notice);
    this.#divide();
    this.#draw();
    if (at) this.#showHit(at, query);
    else if (this.unreadFrom) this.timeline.show(this.unreadFrom);
    else this.timeline.toBottom();
  }

  async #loadNewest() {
    if (!this.history.loaded || !this.history.atEnd) await this.history.loadNewest();
    return true;
  }

  /** The line above the first unread message stays where it is for as long as the conversation is open. */
  #divide() {
    const theirs = this.history.messages.filter(({ senderId, deletedAt }) => senderId === this.partner._id && !deletedAt);
    const first = this.unread > 0 ? theirs.at(-Math.min(this.unread, theirs.length)) : null;
    this.unreadFrom = first ? keyOf(first) : null;
  }

  #showHit(at, query) {
    const message = this.history.byId.get(at);
    const row = this.timeline.show(keyOf(message));
    row?.querySelector("[data-focus=menu]")?.focus({ preventScroll: true });
    if (!message.audioFileId || !query) return;
    const wanted = matcher(query);
    const word = timedWords(message).find(({ text, start }) => start !== null && wanted(text));
    if (word) void seek(sourceOf(message), word.start);
  }

  #draw() {
    const { history, partner, unreadFrom, hit } = this;
    const pending = history.atEnd ? outbox.waiting(partner._id) : [];
    this.timeline.setItems(itemsOf({ history, pending, partner: partner.username, unreadFrom, hit }));
    this.element.classList.toggle("empty", history.loaded && !history.messages.length && !pending.length);
    this.element.classList.toggle("whole", history.atStart);
  }

  #load(which) {
    this.history[which]().catch(() => {}); // tried again with the next scroll, or once connected
  }

  #viewed() {
    const away = !this.timeline.atBottom || !this.history.atEnd;
    this.jump.hidden = !away;
    if (!away) this.fresh = 0;
    this.newer.textContent = this.fresh ? count(this.fresh) : "";
    this.#read();
  }

  /** What was in view, in a window one looks at, is read. */
  #read() {
    if (document.visibilityState !== "visible" || !document.hasFocus() || !this.element.isConnected) return;
    const row = store.conversations.get(this.partner._id);
    if (!row?.unread) return;
    const seen = this.timeline.inView().map(([, { element }]) => this.history.byId.get(element.dataset.id));
    const upTo = seen.filter((message) => message?.senderId === this.partner._id).at(-1)?._id;
    if (!upTo || upTo <= (this.readUpTo ?? "")) return;
    this.readUpTo = upTo;
    store.markRead(this.partner._id, upTo).catch(() => (this.readUpTo = ""));
  }

  #came(message) {
    if (!this.timeline.follows) this.fresh += 1;
    announce(`${this.partner.username}: ${summary(message, false)}`);
    this.#viewed();
  }

  async toNewest() {
    try {
      await this.#loadNewest();
    } catch (error) {
      this.#trouble(error, () => this.toNewest());
    }
    this.#draw();
    this.timeline.toBottom();
  }

  #status() {
    const typing = store.isTyping(this.partner._id);
    const known = store.person(this.partner._id);
    this.state.textContent = typing ? "typing …" : lastSeen(known);
    this.state.className = `state${typing ? " typing" : known?.online ? " online" : ""}`;
  }

  #trouble(error, again) {
    const retry = h("button", { type: "button", class: "button quiet", on: { click: again } }, "Try again");
    fill(this.notice, h("p", { text: error.message }), retry);
  }

  #lastOwn() {
    return this.history.messages.findLast(({ senderId, deletedAt }) => senderId === session.me._id && !deletedAt);
  }

  #menu(button, message, mine) {
    const entries = [];
    if (message.text) entries.push({ label: "Copy text", icon: "clip", run: () => navigator.clipboard?.writeText(message.text) });
    if (mine) {
      const edit = message.audioFileId ? "Correct transcript" : "Edit";
      entries.push({ label: edit, icon: "edit", run: () => this.composer.edit(message) });
      if (message.audioFileId && message.status !== "transcribing") {
        entries.push({ label: "Transcribe again", icon: "retry", run: () => this.#transcribe(message._id) });
      }
      entries.push({ label: "Delete", icon: "trash", danger: true, run: () => this.#delete(message) });
    }
    if (entries.length) openMenu(button, entries);
    else announce("There is nothing to do with this message.");
  }

  async #transcribe(id) {
    this.history.note(id, { retranscribing: true, failure: undefined });
    try {
      await api.transcribe(id);
    } catch (error) {
      if (error.status !== 409) this.history.note(id, { retranscribing: false, failure: error.message });
    }
  }

  async #delete(message) {
    const text = `It will be gone for you and for ${this.partner.username}.`;
    if (!(await ask({ title: "Delete this message?", text, confirm: "Delete", danger: true }))) return;
    if (player.key === message.audioFileId) stop();
    try {
      await api.remove(message._id);
      announce("Message deleted");
    } catch (error) {
      this.history.note(message._id, { failure: error.message });
      announce(error.message);
    }
  }

  destroy() {
    this.stops.forEach((stopListening) => stopListening());
    window.removeEventListener("focus", this.watch);
    document.removeEventListener("visibilitychange", this.watch);
    this.timeline.destroy();
    this.composer.destroy();
  }
}
