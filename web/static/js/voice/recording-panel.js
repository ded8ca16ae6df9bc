// The panel one sees while recording: how long and how loud it is, and pause, stop, listen, send and discard.

import { duration } from "../base/format.js";
import { announce } from "../dom/announce.js";
import { fill, h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { recordingControls } from "./controls.js";
import { Microphone } from "./microphone.js";
import { pause, stopRecording } from "./player.js";

/** @import { MadeRecording } from "./microphone.js" */

/**
 * @typedef {object} Outcome what becomes of a recording
 * @property {(recording: Blob) => void} send
 * @property {(why: string) => void} refused there is none: the microphone could not be used
 * @property {() => void} closed the panel is gone, whatever became of the recording
 */

const TICK = 60; // milliseconds
const SHORTEST = 0.4; // seconds; less is a slip of the finger
const LONGEST = 590; // seconds; the server takes 600
const BARS = 64;
const GAIN = 5; // speech is far from as loud as can be

export class RecordingPanel {
	/** @type {Microphone | null} before it is granted */
	#microphone = null;
	/** @type {MadeRecording | null} once it is stopped */
	#made = null;
	#ended = false;
	#timer = 0;

	/** @param {Outcome} outcome */
	constructor(outcome) {
		this.outcome = outcome;
		this.parts = copyTemplate("recording", {
			NotAllowedError: HTMLElement,
			NotFoundError: HTMLElement,
			NotReadableError: HTMLElement,
			insecure: HTMLElement,
			otherwise: HTMLElement,
			discard: HTMLButtonElement,
			live: HTMLElement,
			clock: HTMLElement,
			meter: HTMLElement,
			pause: HTMLButtonElement,
			stop: HTMLButtonElement,
			send: HTMLButtonElement,
		});
		this.element = this.parts.element;
		this.parts.meter.append(...Array.from({ length: BARS }, () => h("i")));
		this.#listen();
		pause(); // what plays would be recorded
		this.#start().catch((error) => this.#refuse(error));
	}

	#listen() {
		const { discard, stop, send, pause: pauseButton } = this.parts;
		discard.onclick = () => this.cancel();
		stop.onclick = () => this.review();
		send.onclick = () => this.finish();
		pauseButton.onclick = () => this.#togglePause();
		this.element.onkeydown = ({ key }) => {
			if (key === "Escape") this.cancel();
		};
	}

	focus() {
		this.parts.send.focus();
	}

	async #start() {
		const microphone = await Microphone.open();
		if (this.#ended) {
			microphone.release();
			return;
		}
		this.#microphone = microphone;
		this.#timer = setInterval(() => this.#show(microphone), TICK);
		this.element.classList.add("on");
		announce("Recording");
	}

	/** @param {Microphone} microphone */
	#show(microphone) {
		if (!microphone.isRecording) return;
		const { meter, clock } = this.parts;
		const oldest = /** @type {HTMLElement} */ (meter.firstElementChild);
		oldest.style.setProperty("--level", String(Math.min(1, microphone.level * GAIN)));
		meter.append(oldest);
		clock.textContent = duration(microphone.seconds);
		if (microphone.seconds > LONGEST) this.review();
	}

	/** @param {Error} error */
	#refuse(error) {
		if (this.#ended) return;
		const why = isSecureContext ? this.#reason(error.name) : this.parts.insecure;
		this.outcome.refused(`${why.textContent} You can also attach a recording as a file.`);
		this.#close();
	}

	/** @param {string} name */
	#reason(name) {
		const { NotAllowedError, NotFoundError, NotReadableError, otherwise } = this.parts;
		const reasons = new Map(Object.entries({ NotAllowedError, NotFoundError, NotReadableError }));
		return reasons.get(name) ?? otherwise;
	}

	#togglePause() {
		const isPausing = this.#microphone?.isRecording ?? false;
		if (isPausing) this.#microphone?.pause();
		else this.#microphone?.resume();
		const label = isPausing ? "Go on recording" : "Pause recording";
		this.parts.pause.ariaLabel = label;
		this.parts.pause.title = label;
		fill(this.parts.pause, icon(isPausing ? "mic" : "pause"));
		this.element.classList.toggle("on", !isPausing);
	}

	/** Stops, and lets it be listened to. Returns whether there is anything. */
	async review() {
		if (!this.#microphone) {
			this.cancel();
			return false;
		}
		if (this.#made) return true;
		this.parts.live.replaceWith(recordingControls(await this.#stop(this.#microphone)));
		this.element.querySelector(/** @type {"button"} */ (".play"))?.focus();
		announce("Recording stopped");
		return true;
	}

	async finish() {
		if (this.#ended) return;
		if (!this.#microphone) {
			this.cancel(); // let go before there was a microphone
			return;
		}
		this.#ended = true;
		const made = await this.#stop(this.#microphone);
		if (made.duration < SHORTEST) announce("Too short, not sent");
		else this.outcome.send(made.blob);
		this.#close();
	}

	cancel() {
		this.#close();
	}

	/** @param {Microphone} microphone */
	async #stop(microphone) {
		this.#made = await microphone.finish();
		clearInterval(this.#timer);
		return this.#made;
	}

	#close() {
		this.#ended = true;
		clearInterval(this.#timer);
		this.#microphone?.release();
		if (this.#made) stopRecording(this.#made.key);
		this.element.remove();
		this.outcome.closed();
	}
}
