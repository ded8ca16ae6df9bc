// What one plays a recording with: the button, the waveform with its slider, the clock and the speed.

import { duration, number } from "../base/format.js";
import { say } from "../base/sentences.js";
import { fill } from "../dom/elements.js";
import { icon, spinner } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { followPlayer } from "./following.js";
import { nextSpeed, playbackSpeed, seek, stateOf, toggle } from "./player.js";
import { FLAT, knownWaveform, measureWaveform } from "./waveform.js";

/** @import { RecordingSource } from "../page.js" */
/** @import { PlayerState } from "./player.js" */
/** @import { Waveform } from "./waveform.js" */

const VIEW_DELAY = 120; // milliseconds; a recording that only flies past is not decoded
/** @type {Record<string, number>} seconds to move by */
const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5 };

// The drawing's own units, of the viewBox in index.html: bars 4 apart, 18 is the middle of its height.
const BAR_STEP = 4;
const MIDDLE = 18;
const MIN_HALF = 0.7;
const MAX_HALF = 17;

/** @param {RecordingSource} source */
export function recordingControls(source) {
	const controls = new Controls(source);
	return controls.element;
}

class Controls {
	/** @type {"" | "loading" | "pause" | "play"} what the button shows */
	#shown = "";

	/** @param {RecordingSource} source */
	constructor(source) {
		this.source = source;
		this.parts = copyTemplate("controls", {
			button: HTMLButtonElement,
			wave: HTMLElement,
			slider: HTMLInputElement,
			clock: HTMLElement,
			faster: HTMLButtonElement,
			speed: HTMLElement,
		});
		this.element = this.parts.element;
		this.waveform = knownWaveform(source);
		this.#listen();
		this.#draw(this.waveform ?? FLAT);
		followPlayer(this.element, source, () => this.#update());
		if (!this.waveform) setTimeout(() => this.#measure(), VIEW_DELAY);
	}

	#listen() {
		const { button, faster, slider } = this.parts;
		button.onclick = () => toggle(this.source);
		faster.onclick = nextSpeed;
		slider.oninput = () => seek(this.source, Number(slider.value));
		slider.onkeydown = (event) => this.#control(event);
	}

	/** @param {KeyboardEvent} event */
	#control(event) {
		const step = STEPS[event.key];
		if (event.key === " ") toggle(this.source);
		else if (step) seek(this.source, Number(this.parts.slider.value) + step);
		else return;
		event.preventDefault();
	}

	async #measure() {
		if (!this.element.isConnected) return;
		try {
			this.waveform = await measureWaveform(this.source);
		} catch {
			return; // it stays flat; whoever plays it is told
		}
		this.#draw(this.waveform);
		this.#update();
	}

	/** @param {Waveform} waveform */
	#draw({ bars }) {
		const path = bars.map(barPath).join("");
		for (const each of this.parts.wave.querySelectorAll("path")) each.setAttribute("d", path);
	}

	#update() {
		const state = stateOf(this.source);
		const total = state.duration || this.waveform?.duration || this.source.duration || 0;
		this.#showButton(state);
		this.#showTime(state, total);
		this.parts.speed.textContent = number(playbackSpeed());
		// A longer recording has a longer waveform, up to the width of its bubble.
		this.element.style.setProperty("--seconds", String(Math.round(total)));
	}

	/** @param {Readonly<PlayerState>} state */
	#showButton({ loading, playing }) {
		const playOrPause = playing ? "pause" : "play";
		const wanted = loading ? "loading" : playOrPause;
		if (this.#shown !== wanted) fill(this.parts.button, loading ? spinner() : icon(wanted));
		this.#shown = wanted;
		this.parts.button.ariaLabel = say(playing ? "player.pause" : "player.play");
	}

	/**
	 * @param {Readonly<PlayerState>} state
	 * @param {number} total seconds
	 */
	#showTime({ time, error }, total) {
		const { slider, clock } = this.parts;
		slider.max = String(total || 1);
		slider.value = String(time);
		slider.ariaValueText = say("player.at", { time: duration(time), total: duration(total) });
		this.element.style.setProperty("--played", `${total && (time / total) * 100}%`);
		clock.textContent = error || (total ? duration(time || total) : "");
	}
}

/**
 * @param {number} level 0 to 1
 * @param {number} index
 */
function barPath(level, index) {
	const half = Math.max(MIN_HALF, level * MAX_HALF);
	return `M${index * BAR_STEP + BAR_STEP / 2} ${MIDDLE - half}v${half * 2}`;
}
