// One conversation's messages, as far as they are loaded: a run without gaps, ordered by `_id`.

import { api } from "./api.js";
import { emit } from "./bus.js";

const PAGE = 100;
const AROUND = 40;
const BEFORE_ALL = "0".repeat(26);
const AFTER_ALL = "7" + "Z".repeat(25);
const RANK = { accepted: 1, transcribing: 2, untranscribed: 3, delivered: 4, read: 5 };
const CHANGES = new Set(["edited", "deleted", "failed"]);

export class History {
  constructor(partnerId) {
    this.partnerId = partnerId;
    this.reset();
  }

  reset() {
    this.messages = [];
    this.byId = new Map();
    this.loaded = false;
    this.atStart = false; // the first message of all is loaded
    this.atEnd = true; // the newest is, so that new ones join on
    this.readUpTo = ""; // how far the partner has read
    this.busy = null;
  }

  get oldest() {
    return this.messages[0]?._id;
  }

  get newest() {
    return this.messages.at(-1)?._id;
  }

  /** Runs one load at a time; a call during another of the same kind waits for that one. */
  async #once(kind, load) {
    while (this.busy) {
      const running = this.busy;
      await running.done;
      if (running.kind === kind) return;
    }
    const busy = { kind };
    busy.done = load().finally(() => {
      if (this.busy === busy) this.busy = null;
    });
    this.busy = busy;
    busy.done = busy.done.catch((error) => void (busy.error = error));
    await busy.done;
    if (busy.error) throw busy.error;
    emit("history", this);
  }

  loadNewest() {
    return this.#once("newest", async () => {
      let page = await api.history(this.partnerId, {});
      if (page.length === 0) {
        page = await api.history(this.partnerId, { before: AFTER_ALL, limit: PAGE });
        this.atStart = page.length < PAGE;
      }
      const joins = this.loaded && this.atEnd && (page.length === 0 || this.byId.has(page[0]._id));
      if (!joins) this.#restart(page[0]?._id);
      page.forEach((message) => this.#put(message));
      this.atEnd = this.loaded = true;
    });
  }

  loadOlder() {
    if (!this.loaded || this.atStart || !this.oldest) return Promise.resolve();
    return this.#once("older", async () => {
      const page = await api.history(this.partnerId, { before: this.oldest, limit: PAGE });
      page.forEach((message) => this.#put(message));
      this.atStart = page.length < PAGE;
    });
  }

  loadNewer() {
    if (!this.loaded || this.atEnd) return Promise.resolve();
    return this.#once("newer", async () => {
      const page = await api.history(this.partnerId, { after: this.newest, limit: PAGE });
      page.forEach((message) => this.#put(message));
      this.atEnd = page.length < PAGE;
    });
  }

  /** Makes sure that this message is loaded; answers whether it exists. */
  async loadAround(id) {
    if (this.byId.has(id)) return true;
    await this.#once(`around ${id}`, async () => {
      const older = await api.history(this.partnerId, { before: id, limit: AROUND });
      const from = older.at(-1)?._id ?? BEFORE_ALL;
      const newer = await api.history(this.partnerId, { after: from, limit: PAGE });
      if (newer[0]?._id !== id) return;
      this.reset();
      [...older, ...newer].forEach((message) => this.#put(message));
      this.atStart = older.length < AROUND;
      this.atEnd = newer.length < PAGE;
      this.loaded = true;
    });
    return this.byId.has(id);
  }

  /** Only what came by socket since, and is newer than this page, stays. */
  #restart(from) {
    const newer = from ? this.messages.filter((message) => message._id >= from) : [];
    const atStart = !this.loaded && this.atStart;
    this.messages = newer;
    this.byId = new Map(newer.map((message) => [message._id, message]));
    this.atStart = atStart;
  }

  /** Takes in a message or a change of one; answers whether anything is new. */
  merge(incoming) {
    const known = this.byId.get(incoming._id);
    if (!known && (CHANGES.has(incoming.status) || !this.atEnd)) return false;
    if (!known && this.loaded && this.oldest && incoming._id < this.oldest && !this.atStart) return false;
    const changed = this.#put(incoming);
    if (changed) emit("history", this);
    return changed;
  }

  #put(incoming) {
    const known = this.byId.get(incoming._id);
    if (known) return update(known, incoming);
    const message = { ...incoming, version: 1 };
    if (CHANGES.has(message.status)) message.status = "delivered";
    let index = this.messages.length;
    while (index > 0 && this.messages[index - 1]._id > message._id) index -= 1;
    this.messages.splice(index, 0, message);
    this.byId.set(message._id, message);
    if (message.status === "read" && message.receiverId === this.partnerId) this.#readTo(message._id);
    return true;
  }

  #readTo(id) {
    if (id > this.readUpTo) this.readUpTo = id;
  }

  /** The partner has read up to that message. */
  partnerRead(upTo) {
    this.#readTo(upTo);
    emit("history", this);
  }

  /** Changes what only this client knows of a message. */
  note(id, fields) {
    const message = this.byId.get(id);
    if (!message) return;
    Object.assign(message, fields);
    message.version += 1;
    emit("history", this);
  }
}

/** Frames may come late or twice: a status never goes back, a deletion never undone, an older edit never wins. */
function update(known, incoming) {
  const before = JSON.stringify(known);
  const { status, ...fields } = incoming;
  const stale = (known.deletedAt && !fields.deletedAt) || (known.editedAt ?? "") > (fields.editedAt ?? "");
  if (status === "failed") {
    known.failure = incoming.detail || "It could not be transcribed.";
    known.retranscribing = false;
  } else if (!stale) {
    Object.assign(known, fields);
    if (status === "deleted") for (const name of ["words", "confidence", "failure", "editedAt"]) delete known[name];
    if (status === "edited") settle(known);
    if (!CHANGES.has(status) && RANK[status] > (RANK[known.status] ?? 0)) known.status = status;
  }
  if (JSON.stringify(known) === before) return false;
  known.version += 1;
  return true;
}

function settle(message) {
  message.retranscribing = false;
  if (message.status === "untranscribed" && message.words?.length) {
    message.status = "delivered";
    delete message.failure;
  }
}
