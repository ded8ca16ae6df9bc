// The composer's other face: recording, listening to it, sending it or not.

import { h, icon, iconButton, announce } from "./dom.js";
import { duration } from "./format.js";
import { newId } from "./outbox.js";
import * as player from "./player.js";
import { Recorder, refusal } from "./recorder.js";
import { controls } from "./voice.js";

const BARS = 48;
const SHORTEST = 0.4; // seconds; less is a slip of the finger
const keepOpen = (event) => event.preventDefault();

/** `onSend({blob, name})`, `onClose()` when done either way, `onRefused(text)` without a microphone. */
export class Recording {
  constructor({ onSend, onClose, onRefused }) {
    Object.assign(this, { onSend, onClose, onRefused });
    this.element = h("div", { class: "recording", role: "group", "aria-label": "Recording" });
    this.recorder = new Recorder(
      (level, seconds) => this.#level(level, seconds),
      () => this.review(),
    );
  }

  async start() {
    player.pause();
    this.#draw();
    try {
      await this.recorder.start();
    } catch (error) {
      this.onRefused(refusal(error));
      this.close();
      return;
    }
    if (this.recorder.cancelled) return;
    this.element.classList.add("live");
    window.addEventListener("beforeunload", keepOpen);
    announce("Recording");
  }

  #draw() {
    this.meter = h("div", { class: "meter", "aria-hidden": "true" });
    for (let bar = 0; bar < BARS; bar += 1) this.meter.append(h("i"));
    this.clock = h("span", { class: "clock", role: "timer", text: "0:00" });
    this.pauseButton = iconButton("pause", "Pause recording", () => this.#togglePause());
    this.element.replaceChildren(
      iconButton("trash", "Cancel recording", () => this.cancel(), "danger"),
      h("span", { class: "dot", "aria-hidden": "true" }),
      this.clock,
      this.meter,
      this.pauseButton,
      iconButton("stop", "Stop and listen", () => this.review()),
      iconButton("send", "Send recording", () => this.send(), "primary"),
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.cancel();
    });
  }

  #level(level, seconds) {
    this.clock.textContent = duration(seconds);
    const bar = this.meter.firstElementChild;
    bar.style.setProperty("--level", level.toFixed(2));
    this.meter.append(bar);
  }

  #togglePause() {
    this.recorder.togglePause();
    const { paused } = this.recorder;
    const label = paused ? "Go on recording" : "Pause recording";
    this.pauseButton.setAttribute("aria-label", label);
    this.pauseButton.title = label;
    this.pauseButton.replaceChildren(icon(paused ? "mic" : "pause"));
    this.element.classList.toggle("paused", paused);
    announce(paused ? "Paused" : "Recording");
  }

  /** Ends the recording and lets one listen to it first. */
  async review() {
    if (!this.recorder.media || this.finished) return;
    this.finished = await this.recorder.finish();
    const { blob, seconds } = this.finished;
    this.source = { key: newId(), blob, duration: seconds };
    this.element.classList.remove("live", "paused");
    this.element.classList.add("review");
    this.element.replaceChildren(
      iconButton("trash", "Discard recording", () => this.cancel(), "danger"),
      controls(this.source),
      iconButton("send", "Send recording", () => this.send(), "primary"),
    );
    this.element.querySelector(".play").focus();
    announce("Recording stopped");
  }

  async send() {
    if (!this.recorder.media || this.sent) return;
    this.sent = true;
    this.finished ??= await this.recorder.finish();
    if (this.finished.seconds >= SHORTEST) this.onSend(this.finished);
    else announce("Too short, not sent");
    this.close();
  }

  cancel() {
    this.recorder.cancel();
    announce("Recording discarded");
    this.close();
  }

  close() {
    window.removeEventListener("beforeunload", keepOpen);
    if (this.source) player.stop(this.source.key);
    this.element.remove();
    this.onClose();
  }
}
