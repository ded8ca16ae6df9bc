// The panel one sees while recording: how long and how loud it is, and pause, stop, listen, send and discard.

import { duration } from "../base/format.js";
import { newId } from "../base/ids.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { fill, h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { dropRecording, holdRecording, keepPiece } from "../state/kept-recordings.js";
import { recordingControls } from "./controls.js";
import { Microphone } from "./microphone.js";
import { pause, stopRecording } from "./player.js";

/** @import { Key } from "../base/sentences.js" */
/** @import { KeptRecording, Whose } from "../state/kept-recordings.js" */
/** @import { MadeRecording } from "./microphone.js" */

/**
 * @typedef {object} Outcome what becomes of a recording
 * @property {(recording: Blob) => Promise<void>} send
 * @property {(recording: KeptRecording) => void} discarded there is something to have back
 * @property {(why: string) => void} refused there is none: the microphone could not be used
 * @property {() => void} closed the panel is gone, whatever became of the recording
 */

const TICK = 60; // milliseconds
const SHORTEST = 0.4; // seconds; less is a slip of the finger
const LONGEST = 590; // seconds; the server takes 600
const BARS = 64;
/** @type {Map<string, Key>} why there is no microphone, by the name of the error */
const REASONS = new Map([
	["NotAllowedError", "record.notAllowed"],
	["NotFoundError", "record.notFound"],
	["NotReadableError", "record.notReadable"],
]);
const GAIN = 5; // speech is far from as loud as can be

export class RecordingPanel {
	/** @type {Microphone | null} before it is granted */
	#microphone = null;
	/** @type {MadeRecording | null} once it is stopped */
	#made = null;
	#ended = false;
	#timer = 0;

	/**
	 * @param {Outcome} outcome
	 * @param {Whose} whose
	 */
	constructor(outcome, whose) {
		this.outcome = outcome;
		this.whose = whose;
		this.letGo = holdRecording(whose);
		this.parts = copyTemplate("recording", {
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
	}

	/** Begins to record. */
	start() {
		pause(); // what plays would be recorded
		this.#open().catch((error) => this.#refuse(error));
	}

	/**
	 * Offers a recording that was made before.
	 * @param {KeptRecording} kept
	 */
	offer({ blob, duration: seconds }) {
		this.#made = { key: newId(), blob, duration: seconds };
		this.#showMade(this.#made);
	}

	#listen() {
		const { discard, stop, send, pause: pauseButton } = this.parts;
		discard.onclick = () => this.discard();
		stop.onclick = () => this.review();
		send.onclick = () => this.finish();
		pauseButton.onclick = () => this.#togglePause();
		this.element.onkeydown = ({ key }) => {
			if (key === "Escape") this.#leaveOff();
		};
	}

	focus() {
		this.parts.send.focus();
	}

	async #open() {
		const microphone = await Microphone.open((piece) => keepPiece(this.whose, piece));
		if (this.#ended) {
			microphone.release();
			return;
		}
		this.#microphone = microphone;
		this.#timer = setInterval(() => this.#show(microphone), TICK);
		this.element.classList.add("on");
		announce(say("record.recording"));
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
		const why = isSecureContext ? (REASONS.get(error.name) ?? "record.otherwise") : "record.insecure";
		this.outcome.refused(`${say(why)} ${say("record.attachInstead")}`);
		this.#close();
	}

	#togglePause() {
		const isPausing = this.#microphone?.isRecording ?? false;
		if (isPausing) this.#microphone?.pause();
		else this.#microphone?.resume();
		const label = say(isPausing ? "record.goOn" : "record.pause");
		this.parts.pause.ariaLabel = label;
		this.parts.pause.title = label;
		fill(this.parts.pause, icon(isPausing ? "mic" : "pause"));
		this.element.classList.toggle("on", !isPausing);
	}

	/** Stops, and lets it be listened to. Returns whether there is anything. */
	async review() {
		if (this.#made) return true;
		if (!this.#microphone) {
			this.#close();
			return false;
		}
		this.#showMade(await this.#stop(this.#microphone));
		announce(say("record.stopped"));
		return true;
	}

	/** @param {MadeRecording} made */
	#showMade(made) {
		this.element.classList.remove("on", "held");
		this.parts.live.replaceWith(recordingControls(made));
		this.element.querySelector(/** @type {"button"} */ (".play"))?.focus();
	}

	/** A first Escape stops, and what was said is there; a second one discards it, which can be undone. */
	#leaveOff() {
		if (this.#made) this.discard();
		else this.review();
	}

	async finish() {
		if (this.#ended) return;
		const made = await this.#end();
		if (!made) return; // let go before there was a microphone
		if (made.duration < SHORTEST) this.outcome.refused(say("record.tooShort"));
		else await this.outcome.send(made.blob);
		await dropRecording(this.whose);
	}

	/** Gives it up, in a way that can be undone. */
	async discard() {
		if (this.#ended) return;
		const made = await this.#end();
		await dropRecording(this.whose);
		if (!made || made.duration < SHORTEST) return;
		const { blob, duration: seconds } = made;
		this.outcome.discarded({ ...this.whose, blob, duration: seconds });
		announce(say("record.discarded"));
	}

	/** Stops and closes. What was recorded stays kept; null when nothing was. */
	async #end() {
		this.#ended = true;
		const made = this.#made ?? (this.#microphone && (await this.#stop(this.#microphone)));
		this.#close();
		return made;
	}

	/** Closes, and keeps what was recorded for the next time. */
	async leave() {
		if (!this.#ended) await this.#end();
	}

	/**
	 * Says what the finger can do that holds the microphone's button.
	 * @param {boolean} isHeld
	 */
	showHeld(isHeld) {
		this.element.classList.toggle("held", isHeld && !this.#ended);
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
		this.letGo();
		this.outcome.closed();
	}
}
