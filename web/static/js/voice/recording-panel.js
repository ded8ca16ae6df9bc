// The panel one sees while recording: how long and how loud it is, and pause, stop, listen, send and discard.

import { duration } from "../base/format.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { fill } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { holdRecording } from "../state/kept-recordings.js";
import { recordingControls } from "./controls.js";
import { Meter } from "./meter.js";
import { Microphone, whyRefused } from "./microphone.js";
import { pause, stopRecording } from "./player.js";

/** @import { RecordingOutcome } from "../page.js" */
/** @import { MadeRecording, Recording } from "../state/recording.js" */
/** @import { LiveRecording } from "./live-recording.js" */

const PARTS = {
	discard: HTMLButtonElement,
	live: HTMLElement,
	clock: HTMLElement,
	meter: HTMLElement,
	pause: HTMLButtonElement,
	stop: HTMLButtonElement,
	send: HTMLButtonElement,
};
const TICK = 60; // milliseconds
const SHORTEST = 0.4; // seconds; less is a slip of the finger
const LONGEST = 590; // seconds; the server takes 600

export class RecordingPanel {
	/** @type {Microphone | null} before it is granted */
	#microphone = null;
	/** @type {MadeRecording | null} once it is stopped */
	#made = null;
	/** @type {LiveRecording | null} until the browser has loaded what that needs */
	#live = null;
	#ended = false;
	#sent = Promise.resolve();
	#timer = 0;
	#before = 0; // seconds that were recorded before the microphone was opened

	/**
	 * @param {RecordingOutcome} outcome
	 * @param {Recording} recording
	 * @param {string} name of whom it is for
	 */
	constructor(outcome, recording, name) {
		this.outcome = outcome;
		this.recording = recording;
		this.letGo = holdRecording(recording.whose);
		this.parts = copyTemplate("recording", PARTS);
		this.element = this.parts.element;
		this.meter = new Meter(this.parts.meter);
		this.#listen();
		this.#travel(name).catch(() => {}); // then it is uploaded when it is sent
	}

	/** Lets the recording go to the server while it is made, and shows what is heard in it. @param {string} name */
	async #travel(name) {
		const { LiveRecording: Live } = await import("./live-recording.js");
		if (this.#ended) return;
		this.#live = new Live(this.recording, name, this.#made === null, () => this.leave());
		this.element.prepend(this.#live.element);
		if (this.#made) this.#live.review(this.#made, () => this.#goOn());
		else if (this.#microphone?.isRecording) this.#live.resume();
	}

	/** Begins to record. */
	start() {
		pause(); // what plays would be recorded
		this.#open().catch((error) => this.#refuse(error));
	}

	/** Offers a recording that was made before. @param {boolean} [takesFocus] */
	async offer(takesFocus = true) {
		this.#showMade(await this.recording.made(), takesFocus);
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
		const microphone = await Microphone.open((piece, seconds) => this.recording.add(piece, this.#before + seconds));
		if (this.#ended) {
			microphone.release();
			return;
		}
		this.#microphone = microphone;
		this.#timer = setInterval(() => this.#show(microphone), TICK);
		this.element.classList.add("on");
		this.#live?.resume();
		announce(say("record.recording"));
	}

	/** Records more of what was stopped. */
	async #goOn() {
		const made = this.#made;
		if (!made || !this.#live) return;
		stopRecording(made.key);
		this.#before = await this.#live.goOn();
		this.#made = null;
		this.element.querySelector(".controls")?.replaceWith(this.parts.live);
		this.#showPaused(false);
		this.parts.stop.focus();
		await this.#open().catch((error) => {
			this.outcome.refused(whyRefused(error));
			return this.offer();
		});
	}

	/** @param {Microphone} microphone */
	#show(microphone) {
		if (!microphone.isRecording) return;
		this.meter.show(microphone.level);
		const seconds = this.#before + microphone.seconds;
		this.parts.clock.textContent = duration(seconds);
		if (seconds > LONGEST) this.review();
	}

	/** @param {Error} error */
	#refuse(error) {
		if (this.#ended) return;
		this.outcome.refused(whyRefused(error));
		this.#close();
	}

	#togglePause() {
		const isPausing = this.#microphone?.isRecording ?? false;
		for (const each of [this.#microphone, this.#live]) each?.[isPausing ? "pause" : "resume"]();
		this.#showPaused(isPausing);
		this.element.classList.toggle("on", !isPausing);
	}

	/** @param {boolean} isPaused */
	#showPaused(isPaused) {
		const label = say(isPaused ? "record.goOn" : "record.pause");
		Object.assign(this.parts.pause, { ariaLabel: label, title: label });
		fill(this.parts.pause, icon(isPaused ? "mic" : "pause"));
	}

	/** Stops, and lets it be listened to. */
	async review() {
		if (this.#made) return;
		const made = await this.#stop();
		if (made) this.#showMade(made);
		else this.#close();
		if (made) announce(say("record.stopped"));
		else this.outcome.refused(say("record.tooShort"));
	}

	/** @param {MadeRecording} made @param {boolean} [takesFocus] */
	#showMade(made, takesFocus = true) {
		this.#made = made;
		this.element.classList.remove("on", "held");
		this.parts.live.replaceWith(recordingControls(made));
		this.#live?.review(made, () => this.#goOn());
		if (takesFocus) this.element.querySelector(/** @type {"button"} */ (".play"))?.focus();
	}

	/** A first Escape stops, and what was said is there; a second one discards it, which can be undone. */
	#leaveOff() {
		if (this.#made) this.discard();
		else this.review();
	}

	async finish() {
		if (!this.#ended) this.#sent = this.#send();
		await this.#sent;
	}

	async #send() {
		this.#live?.saveCorrection();
		this.element.inert = true; // until it is closed, which may take a moment
		const made = await this.#end(this.#live?.rest());
		if (made && made.duration >= SHORTEST) {
			const content = (await this.#live?.send()) ?? { blob: made.blob };
			await this.outcome.send(content);
			await this.recording[content.travelled ? "drop" : "discard"](); // what it is sent with stays on the server
		} else {
			await this.recording.discard();
			this.outcome.refused(say("record.tooShort"));
		}
	}

	/** Gives it up, in a way that can be undone. */
	async discard() {
		if (this.#ended) return;
		const made = await this.#end();
		await this.recording.discard();
		if (!made || made.duration < SHORTEST) return;
		this.outcome.discarded(this.recording);
		announce(say("record.discarded"));
	}

	/** Stops, and closes after `before`. What was recorded stays kept; null when nothing was. @param {Promise<void>} [before] */
	async #end(before) {
		this.#ended = true;
		const [made] = await Promise.all([this.#stop(), before]);
		this.#close();
		return made;
	}

	/** Closes, and keeps what was recorded for the next time. */
	async leave() {
		await (this.#ended ? this.#sent : this.#end());
		await this.letGo();
	}

	/** Says what the finger can do that holds the microphone's button. @param {boolean} isHeld */
	showHeld(isHeld) {
		this.element.classList.toggle("held", isHeld && !this.#ended);
	}

	async #stop() {
		await this.#microphone?.finish();
		clearInterval(this.#timer);
		this.#microphone = null;
		if (this.#made) return this.#made;
		const made = await this.recording.made(); // all pieces are there only now
		this.#made = made.blob.size ? made : null;
		return this.#made;
	}

	#close() {
		this.#ended = true;
		clearInterval(this.#timer);
		this.#microphone?.release();
		this.#live?.end();
		if (this.#made) stopRecording(this.#made.key);
		this.element.remove();
		this.letGo();
		this.outcome.closed();
	}
}
