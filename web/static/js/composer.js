// Where one writes, attaches or begins to record.

import { api } from "./api.js";
import { on } from "./bus.js";
import { announce, fill, h, icon, iconButton } from "./dom.js";
import * as outbox from "./outbox.js";
import { Recording } from "./recording.js";
import { session } from "./session.js";
import * as socket from "./socket.js";

const LONGEST = 4_000; // characters
const TYPING_EVERY_MS = 3_000;
const HOLD_MS = 500; // pressed for longer, the microphone records until it is let go
const touch = matchMedia("(pointer: coarse)");

export class Composer {
  /** `onSent()` after something was handed to the outbox; `lastOwn()` is the message that arrow up edits. */
  constructor(partner, { onSent, lastOwn }) {
    Object.assign(this, { partner, onSent, lastOwn, editing: null, typedAt: 0 });
    this.draftKey = `chattergram.draft.${session.me._id}.${partner._id}`;
    this.#build();
    this.input.value = localStorage.getItem(this.draftKey) ?? "";
    this.#changed();
  }

  #build() {
    const field = { id: "composer-input", rows: 1, dir: "auto", placeholder: "Write a message", autocomplete: "off" };
    this.input = h("textarea", { ...field, "aria-label": `Message to ${this.partner.username}`, "aria-describedby": "composer-note" });
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.file = h("input", { type: "file", accept: "audio/*,video/webm", hidden: true, on: { change: () => this.#attach() } });
    this.attachButton = iconButton("clip", "Attach a recording", () => this.file.click(), "attach");
    this.sendButton = iconButton("send", "Send", null, "primary send");
    this.sendButton.type = "submit";
    this.micButton = iconButton("mic", "Record a voice message (tap, or hold and speak)", null, "mic");
    this.micButton.addEventListener("pointerdown", (event) => this.#press(event));
    this.micButton.addEventListener("click", ({ detail }) => detail === 0 && void this.record());
    this.note = h("p", { class: "composer-note", id: "composer-note" });
    this.bar = h("div", { class: "composer-bar" });
    const end = h("div", { class: "composer-end" }, this.sendButton, this.micButton);
    this.line = h("div", { class: "composer-line" }, this.attachButton, this.input, end, this.file);
    this.element = h("form", { class: "composer", "aria-label": "Write" }, this.bar, this.line, this.note);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  focus() {
    if (!touch.matches) this.input.focus({ preventScroll: true });
  }

  destroy() {
    this.recording?.cancel();
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !touch.matches) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.editing) {
      event.stopPropagation();
      this.#stopEditing();
    } else if (event.key === "ArrowUp" && !this.input.value && !this.editing) {
      const message = this.lastOwn();
      if (!message) return;
      event.preventDefault();
      this.edit(message);
    }
  }

  #typed() {
    this.#changed();
    if (this.editing) return;
    const { value } = this.input;
    if (value) localStorage.setItem(this.draftKey, value);
    else localStorage.removeItem(this.draftKey);
    if (!value || Date.now() - this.typedAt < TYPING_EVERY_MS) return;
    if (socket.send({ type: "typing", receiverId: this.partner._id })) this.typedAt = Date.now();
  }

  #changed() {
    const { value } = this.input;
    const length = [...value.trim()].length;
    this.element.classList.toggle("has-text", length > 0 || Boolean(this.editing));
    this.sendButton.disabled = length > LONGEST || (!length && !this.editing?.audioFileId);
    this.note.textContent = length > LONGEST - 200 ? `${length} of ${LONGEST} characters` : "";
    this.note.classList.toggle("over", length > LONGEST);
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  #submit() {
    const text = this.input.value.trim();
    if (this.sendButton.disabled) return;
    if (this.editing) {
      void this.#saveEdit(text);
      return;
    }
    this.input.value = "";
    localStorage.removeItem(this.draftKey);
    this.#changed();
    this.typedAt = 0;
    void outbox.enqueue(this.partner._id, { text });
    this.onSent();
  }

  /** Puts a message's text into the box; saving changes the message. */
  edit(message) {
    this.editing = message;
    this.input.value = message.text ?? "";
    const title = message.audioFileId ? "Correct the transcript" : "Edit message";
    const close = iconButton("close", "Stop editing", () => this.#stopEditing());
    fill(this.bar, icon("edit"), h("span", { text: title }), close);
    this.sendButton.setAttribute("aria-label", "Save");
    this.#changed();
    this.input.focus();
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  async #saveEdit(text) {
    const message = this.editing;
    if (text === message.text) {
      this.#stopEditing();
      return;
    }
    this.sendButton.disabled = true;
    try {
      await api.edit(message._id, text);
      if (this.editing === message) this.#stopEditing();
      announce("Saved");
    } catch (error) {
      this.sendButton.disabled = false;
      this.note.textContent = error.message;
    }
  }

  #stopEditing() {
    this.editing = null;
    fill(this.bar);
    this.sendButton.setAttribute("aria-label", "Send");
    this.input.value = localStorage.getItem(this.draftKey) ?? "";
    this.#changed();
    this.input.focus();
  }

  #attach() {
    const [file] = this.file.files;
    this.file.value = "";
    if (file) this.#sendAudio({ blob: file, name: file.name });
  }

  #sendAudio(recorded) {
    void outbox.enqueue(this.partner._id, { blob: recorded.blob, name: recorded.name });
    this.onSent();
  }

  /** A short press leaves the recording to its buttons; a long one sends when let go, or cancels when left. */
  #press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const pressedAt = performance.now();
    void this.record();
    const { recording } = this;
    const released = (up) => {
      window.removeEventListener("pointerup", released);
      window.removeEventListener("pointercancel", released);
      if (performance.now() - pressedAt < HOLD_MS || recording !== this.recording) return;
      const box = this.element.getBoundingClientRect();
      if (up.type === "pointercancel" || up.clientY < box.top - 60) void recording.review();
      else void recording.send();
    };
    window.addEventListener("pointerup", released);
    window.addEventListener("pointercancel", released);
  }

  async record() {
    if (this.recording) return;
    this.note.textContent = "";
    this.recording = new Recording({
      onSend: (recorded) => this.#sendAudio(recorded),
      onRefused: (text) => this.#refused(text),
      onClose: () => {
        this.recording = null;
        this.line.hidden = false;
        this.micButton.focus({ preventScroll: true });
      },
    });
    this.line.hidden = true;
    this.element.insertBefore(this.recording.element, this.note);
    await this.recording.start();
    this.recording?.element.querySelector("button:last-child")?.focus({ preventScroll: true });
  }

  #refused(text) {
    this.note.textContent = text;
    announce(text);
  }
}

/** Drafts typed in another tab are not overwritten here; one sent there is forgotten here. */
export function followDrafts(composer) {
  const listener = ({ key, newValue }) => {
    if (key === composer.draftKey && document.activeElement !== composer.input && !composer.editing) {
      composer.input.value = newValue ?? "";
      composer.input.dispatchEvent(new Event("input"));
    }
  };
  window.addEventListener("storage", listener);
  const stop = on("signed-out", () => window.removeEventListener("storage", listener));
  return () => {
    window.removeEventListener("storage", listener);
    stop();
  };
}
