// A voice message: its waveform, the controls, and the transcript one can read along and click into.

import { on } from "./bus.js";
import { announce, fill, h, icon, spinner, view } from "./dom.js";
import { duration } from "./format.js";
import { BARS, isPlaying, knownPeaks, nextSpeed, pause, peaksOf, play, player, seek, toggle } from "./player.js";
import { timedWords, wordAt } from "./transcript.js";

const VIEW_DELAY = 120; // milliseconds; what only flies past is not decoded
const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 };
const PAUSE = 1.5; // seconds of silence between two words that begin a new line
const flat = { bars: Array(BARS).fill(0) };

/** Calls `listener` on the player's events about `source` until `element` has left the page. */
function follow(element, source, listener) {
	let seen = false;
	const stop = on("player", (key = source.key) => {
		if (seen && !element.isConnected) stop();
		seen = element.isConnected;
		if (key === source.key) listener();
	});
	listener();
}

export function controls(source) {
	const { element, button, wave, slider, clock, faster, speed } = view("controls");
	let peaks = knownPeaks(source);
	let shown;
	button.onclick = () => toggle(source);
	faster.onclick = nextSpeed;
	slider.oninput = () => seek(source, Number(slider.value));
	slider.onkeydown = (event) => {
		if (event.key === " ") toggle(source);
		else if (event.key in STEPS) seek(source, Number(slider.value) + STEPS[event.key]);
		else return;
		event.preventDefault();
	};
	function update() {
		const { time, duration: length, loading, playing, error } = player.key === source.key ? player : { time: 0 };
		const total = length || peaks?.duration || source.duration || 0;
		const state = loading ? "loading" : playing ? "pause" : "play";
		if (shown !== state) fill(button, loading ? spinner() : icon(state));
		shown = state;
		button.ariaLabel = playing ? "Pause" : "Play the recording";
		slider.max = total || 1;
		slider.value = time;
		slider.ariaValueText = `${duration(time)} of ${duration(total)}`;
		element.style.setProperty("--played", `${total && (time / total) * 100}%`);
		clock.textContent = error || (total && duration(time || total)) || "";
		speed.textContent = player.speed;
	}
	function draw(made) {
		const half = (bar) => Math.max(0.7, bar * 17);
		const d = made.bars.map((bar, index) => `M${index * 4 + 2} ${18 - half(bar)}v${half(bar) * 2}`).join("");
		for (const path of wave.querySelectorAll("path")) path.setAttribute("d", d);
		update();
	}
	draw(peaks ?? flat);
	follow(element, source, update);
	if (!peaks) {
		const got = (made) => draw((peaks = made));
		setTimeout(() => element.isConnected && peaksOf(source).then(got, () => {}), VIEW_DELAY);
	}
	return element;
}

const breathed = (words, at) => at && words[at].start - words[at - 1].end > PAUSE;

/** The words; each is lit while it is spoken, and a click plays from it. `hit` tells which were searched for. */
export function transcript(message, source, hit) {
	const words = timedWords(message);
	const spans = words.map(({ text, unsure }, index) => {
		const title = unsure && "The recogniser was not sure of this word";
		return h(`span.word${unsure ? ".unsure" : ""}${hit?.(text) ? ".hit" : ""}`, { "data-word": index, title }, text);
	});
	const timed = words[0]?.start !== undefined;
	const paragraph = view(timed ? "timed" : "untimed").element;
	paragraph.lang = message.language ?? "";
	paragraph.append(...spans.flatMap((span, at) => [breathed(words, at) ? h("br") : " ", span]));
	if (!timed) return paragraph;
	let lit, chosen;
	const mark = (name, before, after) => {
		before?.classList.remove(name);
		after?.classList.add(name);
		return after;
	};
	const choose = (index) => {
		chosen = mark("chosen", chosen, spans[Math.max(0, Math.min(index, spans.length - 1))]);
		announce(chosen.textContent);
	};
	const from = (span) => play(source, words[spans.indexOf(span ?? spans[0])].start);
	paragraph.onclick = ({ target }) => target.dataset.word && getSelection().isCollapsed && from(target);
	paragraph.onkeydown = (event) => {
		const way = getComputedStyle(paragraph).direction === "rtl" ? -1 : 1;
		const at = spans.indexOf(chosen);
		if (event.key === "ArrowRight") choose(at + way);
		else if (event.key === "ArrowLeft") choose(at - way);
		else if (event.key === "Home") choose(0);
		else if (event.key === "End") choose(spans.length);
		else if (event.key === "Enter") from(chosen);
		else if (event.key === " ") isPlaying(source) ? pause() : from(lit ?? chosen);
		else return;
		event.preventDefault();
	};
	follow(paragraph, source, () => {
		const now = player.key === source.key && player.time ? spans[wordAt(words, player.time)] : undefined;
		if (now !== lit) lit = mark("lit", lit, now);
	});
	return paragraph;
}
