// Before a recording is sent: its words to listen to and correct, and the ways to go on with it and to cut off its end.

import { duration } from "../base/format.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { elementOf, fill, h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { correctionForm, forgetCorrection, isByWord, textForm } from "./correction.js";
import { followPlayer } from "./following.js";
import { correctedWords, joined } from "./heard-text.js";
import { pause, stateOf } from "./player.js";
import { transcript } from "./transcript-view.js";

/** @import { MadeRecording, Recording } from "../state/recording.js" */
/** @import { ShownWord } from "./timed-words.js" */

const LEAST = 0.4; // seconds that have to be left

export class Review {
	#isCorrecting = false;
	/** @type {number | null} the second at which the word begins that was chosen last */
	#chosen = null;
	#shown = ""; // what the words that are shown were made of

	/**
	 * @param {Recording} recording
	 * @param {MadeRecording} made
	 * @param {(() => void) | null} goOn null where the recording cannot be gone on with
	 */
	constructor(recording, made, goOn) {
		this.recording = recording;
		this.made = made;
		this.words = h("div.review-words");
		this.words.onclick = (event) => this.#choose(elementOf(event));
		this.words.onkeyup = () => this.#choose(this.words.querySelector(".chosen"));
		this.goOnButton = goOn ? tool("mic", goOn, say("record.goOn")) : h("p.note", say("record.stays"));
		this.correctButton = tool("edit", () => this.#correct(), say("record.correct"));
		this.cutButton = tool("cut", () => this.#cutOrKeep());
		this.tools = h("div.review-tools", this.goOnButton, this.correctButton, this.cutButton);
		this.element = h("div.review", this.words, this.tools);
		followPlayer(this.cutButton, made, () => this.#showCut());
		this.draw();
	}

	/** Shows what was heard, unless somebody is correcting it. */
	draw() {
		if (this.#isCorrecting) return;
		const words = this.#words();
		this.tools.hidden = false;
		this.correctButton.hidden = !words.length;
		this.#showWords(words);
		this.#showCut();
	}

	/**
	 * Leaves them as they are where they are the same, since somebody may be about to click one.
	 * @param {ShownWord[]} words
	 */
	#showWords(words) {
		const { heard, cutAt } = this.recording.notes;
		const shown = JSON.stringify([words, heard?.settled, cutAt]);
		if (shown === this.#shown && this.words.querySelector(".transcript")) return;
		this.#shown = shown;
		const hadFocus = this.words.contains(document.activeElement);
		fill(this.words, words.length > 0 && this.#transcript(words));
		const element = this.words.querySelector(".transcript");
		if (hadFocus && element instanceof HTMLElement) element.focus({ preventScroll: true });
	}

	#words() {
		const { heard, correction } = this.recording.notes;
		return heard ? correctedWords(heard, correction) : [];
	}

	/** What the view of a transcript and the form that corrects it take for a message. */
	#message() {
		const { heard } = this.recording.notes;
		const { words = [], language = null } = heard ?? {};
		return { _id: this.made.key, text: joined(this.#words()), words, language };
	}

	/** @param {ShownWord[]} words */
	#transcript(words) {
		const { cutAt, heard } = this.recording.notes;
		const unsettledFrom = heard?.words[heard.settled]?.start ?? Infinity;
		const element = transcript(this.#message(), this.made, null);
		for (const span of element.querySelectorAll(".word")) {
			const start = startOf(span, words) ?? 0;
			span.classList.toggle("cut", cutAt !== null && start >= cutAt);
			span.classList.toggle("unsettled", start >= unsettledFrom);
		}
		return element;
	}

	/** @param {Element | null} element */
	#choose(element) {
		const start = element?.matches(".word") ? startOf(element, this.#words()) : null;
		if (start === null || this.#isCorrecting) return;
		this.#chosen = start;
		this.#showCut();
	}

	/** Where it would be cut off: at the chosen word, else where the player is. */
	#cutPoint() {
		return this.#chosen ?? stateOf(this.made).time;
	}

	#showCut() {
		const { cutAt } = this.recording.notes;
		const at = this.#cutPoint();
		const isPossible = at >= LEAST && at < this.made.duration;
		this.cutButton.disabled = cutAt === null && !isPossible;
		fill(this.cutButton, icon(cutAt === null ? "cut" : "retry"), this.#cutLabel(cutAt, isPossible ? at : 0));
	}

	/**
	 * @param {number | null} cutAt
	 * @param {number} at seconds, 0 where nothing is chosen
	 */
	#cutLabel(cutAt, at) {
		if (cutAt !== null) return say("record.keepEnd");
		if (!at) return say("record.cut");
		const word = this.#words().find(({ start }) => start !== null && start === this.#chosen);
		return word ? say("record.cutFrom", { word: word.text }) : say("record.cutAt", { time: duration(at) });
	}

	#cutOrKeep() {
		const isCut = this.recording.notes.cutAt !== null;
		pause();
		this.recording.note({ cutAt: isCut ? null : this.#cutPoint() });
		announce(say(isCut ? "record.endKept" : "record.endCut"));
		this.draw();
		this.cutButton.focus();
	}

	#correct() {
		const message = this.#message();
		const outcome = {
			save: (/** @type {string} */ text) => this.#saved(text),
			cancel: () => this.#closeCorrection(),
		};
		this.#isCorrecting = true;
		this.tools.hidden = true;
		const form = isByWord(message) ? correctionForm(message, this.made, outcome) : textForm(message, outcome);
		fill(this.words, form);
		/** @type {HTMLElement | null} */ (form.querySelector("input, textarea"))?.focus();
	}

	saveCorrection() {
		this.words.querySelector("form")?.requestSubmit();
	}

	/** @param {string} text */
	#saved(text) {
		const { heard } = this.recording.notes;
		const until = heard?.words.at(-1)?.end ?? 0;
		if (text !== this.#message().text) this.recording.note({ correction: { text, until } });
		this.#closeCorrection();
		announce(say("app.saved"));
	}

	#closeCorrection() {
		forgetCorrection(this.made.key);
		this.#isCorrecting = false;
		this.draw();
		this.correctButton.focus();
	}
}

/**
 * @param {string} name the icon's
 * @param {() => void} onclick
 * @param {string} [label]
 */
const tool = (name, onclick, label = "") => h("button.tool", { onclick }, icon(name), label);

/**
 * @param {Element} span of a word in the transcript
 * @param {ShownWord[]} words
 */
function startOf(span, words) {
	const index = Number(/** @type {HTMLElement} */ (span).dataset.word);
	return words[index]?.start ?? null;
}
