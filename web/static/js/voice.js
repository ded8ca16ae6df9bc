// A voice message: its waveform, the controls, and the transcript one can read along and click into.

import { knownPeaks, peaksOf } from "./audio-data.js";
import { on } from "./bus.js";
import { fill, h, icon, svg } from "./dom.js";
import { duration, spokenDuration } from "./format.js";
import { isPlaying, nextSpeed, pause, play, player, seek, toggle } from "./player.js";
import { timedWords, wordAt } from "./transcript.js";

const HEIGHT = 36;
const STEP = 5;
const VIEW_DELAY_MS = 120; // what only flies past is not decoded

const flat = { bars: Array.from({ length: 72 }, () => 0.06), duration: 0 };

/** Runs `listener` on the events of the player for as long as `element` is in the page. */
function follow(element, name, listener) {
  const stop = on(name, (key) => {
    if (element.isConnected) listener(key);
    else if (element.dataset.seen) stop();
  });
  requestAnimationFrame(() => (element.dataset.seen = "1"));
}

/** Play button, waveform to seek in, time and speed. */
export function controls(source) {
  const button = h("button", { type: "button", class: "play", "data-focus": "play", on: { click: () => toggle(source) } });
  const slider = h("input", { type: "range", class: "seek", min: 0, max: 1, step: 0.1, "data-focus": "seek" });
  slider.setAttribute("aria-label", "Position in the recording");
  const wave = h("div", { class: "wave" }, slider);
  const clock = h("span", { class: "clock" });
  const speed = h("button", { type: "button", class: "speed", "data-focus": "speed", on: { click: nextSpeed } });
  const element = h("div", { class: "controls" }, button, wave, clock, speed);
  let shown = null;
  let drawn = null;

  const length = () => (player.key === source.key && player.duration) || drawn?.duration || source.duration || 0;

  function update() {
    const current = player.key === source.key;
    const time = current ? player.time : 0;
    const state = current && player.loading ? "loading" : isPlaying(source) ? "playing" : "paused";
    if (shown !== state) {
      fill(button, state === "loading" ? h("span", { class: "spinner" }) : icon(state === "playing" ? "pause" : "play"));
      button.setAttribute("aria-label", state === "playing" ? "Pause" : "Play the recording");
      shown = state;
    }
    const total = length();
    slider.max = total || 1;
    slider.value = time;
    slider.setAttribute("aria-valuetext", `${spokenDuration(time)} of ${spokenDuration(total)}`);
    element.style.setProperty("--played", `${total ? Math.min(100, (time / total) * 100) : 0}%`);
    clock.textContent = duration(time > 0 ? time : total);
    element.classList.toggle("touched", time > 0);
    element.classList.toggle("broken", Boolean(current && player.error));
    if (current && player.error) clock.textContent = player.error;
  }
  function updateSpeed() {
    speed.textContent = `${player.speed}×`;
    speed.setAttribute("aria-label", `Speed ${player.speed}, change`);
  }
  function draw(peaks) {
    wave.querySelector("svg")?.remove();
    wave.prepend(picture(peaks.bars));
    drawn = peaks;
    update();
  }

  slider.addEventListener("input", () => void seek(source, Number(slider.value)));
  slider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageUp: 15, PageDown: -15 };
    if (event.key === " ") toggle(source);
    else if (event.key in steps) void seek(source, Number(slider.value) + steps[event.key]);
    else return;
    event.preventDefault();
  });
  follow(element, "player", (key) => key === source.key && update());
  follow(element, "speed", updateSpeed);
  draw(knownPeaks(source) ?? flat);
  updateSpeed();
  if (!knownPeaks(source)) {
    setTimeout(() => {
      if (!element.isConnected) return;
      peaksOf(source, () => element.isConnected).then((peaks) => peaks && draw(peaks), () => {});
    }, VIEW_DELAY_MS);
  }
  return element;
}

/** The bars twice: all of them, and over them the part that was played, cut off by the style sheet. */
function picture(bars) {
  const path = bars
    .map((bar, index) => {
      const half = Math.max(1, (bar * HEIGHT) / 2 - 1);
      return `M${index * 4 + 2} ${HEIGHT / 2 - half}v${half * 2}`;
    })
    .join("");
  const box = { viewBox: `0 0 ${bars.length * 4} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  const all = svg("path", { d: path, class: "bars" });
  const played = svg("path", { d: path, class: "bars played" });
  return svg("svg", box, all, played);
}

/** The words; each is lit while it is spoken, and a click plays from it. `hit` tells which were searched for. */
export function transcript(message, source, hit = () => false) {
  const timed = timedWords(message);
  const can = timed.some(({ start }) => start !== null);
  const spans = timed.map(({ text, unsure }, index) => {
    const span = h("span", { class: `word${unsure ? " unsure" : ""}${hit(text) ? " hit" : ""}`, "data-word": index, text });
    if (unsure) span.title = "The recogniser was not sure of this word";
    return span;
  });
  const paragraph = h("p", { class: "transcript", dir: "auto", lang: message.language || null });
  spans.forEach((span, index) => paragraph.append(index ? " " : "", span));
  if (!can) return paragraph;
  paragraph.classList.add("timed");
  const label = "Transcript. The arrow keys choose a word, Enter plays from it.";
  for (const [name, value] of Object.entries({ tabindex: 0, role: "group", "aria-label": label, "data-focus": "words" })) {
    paragraph.setAttribute(name, value);
  }
  let lit = -1;
  let chosen = -1;
  const light = (index) => {
    if (index === lit) return;
    spans[lit]?.classList.remove("lit");
    spans[index]?.classList.add("lit");
    lit = index;
  };
  const choose = (index) => {
    spans[chosen]?.classList.remove("chosen");
    chosen = Math.max(0, Math.min(index, spans.length - 1));
    spans[chosen].classList.add("chosen");
  };
  const start = (index) => void play(source, timed[index].start);
  const update = () => light(player.key === source.key && player.time > 0 ? wordAt(timed, player.time) : -1);
  paragraph.addEventListener("click", ({ target }) => {
    const index = target.closest("[data-word]")?.dataset.word;
    if (index !== undefined && getSelection().isCollapsed) start(Number(index));
  });
  paragraph.addEventListener("keydown", (event) => {
    const right = getComputedStyle(paragraph).direction === "rtl" ? -1 : 1;
    if (event.key === "ArrowRight") choose(chosen + right);
    else if (event.key === "ArrowLeft") choose(chosen < 0 ? 0 : chosen - right);
    else if (event.key === "Home") choose(0);
    else if (event.key === "End") choose(spans.length - 1);
    else if (event.key === "Enter") start(Math.max(0, chosen));
    else if (event.key === " ") isPlaying(source) ? pause() : start(Math.max(0, lit, chosen));
    else return;
    event.preventDefault();
  });
  follow(paragraph, "player", (key) => key === source.key && update());
  update();
  return paragraph;
}
