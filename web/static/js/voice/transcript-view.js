// A transcript one can read along and click into: each word is lit while it is spoken, and a click plays from it.

import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { elementOf, h } from "../dom/elements.js";
import { copyTemplate } from "../dom/template.js";
import { followPlayer } from "./following.js";
import { play, stateOf, toggle } from "./player.js";
import { isTimed, timedWords, wordAt } from "./timed-words.js";

/** @import { WordTest } from "../dom/highlight.js" */
/** @import { RecordingSource } from "../page.js" */
/** @import { HeardWord } from "../wire.js" */
/** @import { ShownWord, TimedWord } from "./timed-words.js" */

const BREATH = 1.5; // seconds of silence between two words that begin a new line

/** The word that was chosen last: it stays chosen where its row is drawn anew. One, since only one has the focus. */
let lastChosen = { key: "", index: -1 };

/**
 * @param {{ text: string, words?: HeardWord[] | null, language?: string | null }} message
 * @param {RecordingSource} source
 * @param {WordTest | null} isHit tells which words were searched for
 */
export function transcript(message, source, isHit) {
	const words = timedWords(message);
	const spans = words.map((word, index) => wordElement(word, index, isHit));
	const isPlayable = words.length > 0 && words.every(isTimed);
	const { element } = copyTemplate(isPlayable ? "timed" : "untimed", {});
	element.lang = message.language ?? "";
	element.append(...spans.flatMap((span, index) => [separator(words, index), span]));
	if (isPlayable) new ReadAlong(element, source, words, spans).start();
	return element;
}

/**
 * @param {ShownWord} word
 * @param {number} index
 * @param {WordTest | null} isHit
 */
function wordElement({ text, unsure }, index, isHit) {
	const span = document.createElement("span"); // without `h`, since a conversation has thousands of them
	span.className = unsure ? "word unsure" : "word";
	if (isHit?.(text)) span.classList.add("hit");
	if (unsure) span.title = say("transcript.unsure");
	span.dataset.word = String(index);
	span.textContent = text;
	return span;
}

/**
 * @param {ShownWord[]} words
 * @param {number} index
 */
function separator(words, index) {
	if (beginsLine(words, index)) return h("br");
	return words[index].isJoined ? "" : " ";
}

/**
 * @param {ShownWord[]} words
 * @param {number} index
 */
function beginsLine(words, index) {
	if (index === 0) return false;
	const [before, word] = [words[index - 1], words[index]];
	return isTimed(before) && isTimed(word) && word.start - before.end > BREATH;
}

class ReadAlong {
	/** @type {HTMLElement | null} the word being spoken */
	#lit = null;
	/** @type {HTMLElement | null} the word chosen by the arrow keys */
	#chosen = null;

	/**
	 * @param {HTMLElement} paragraph
	 * @param {RecordingSource} source
	 * @param {TimedWord[]} words
	 * @param {HTMLElement[]} spans one a word
	 */
	constructor(paragraph, source, words, spans) {
		this.paragraph = paragraph;
		this.source = source;
		this.words = words;
		this.spans = spans;
	}

	start() {
		this.paragraph.onclick = (event) => this.#playClicked(event);
		this.paragraph.onkeydown = (event) => this.#control(event);
		followPlayer(this.paragraph, this.source, () => this.#lightSpoken());
		const chosen = lastChosen.key === this.source.key && this.spans[lastChosen.index];
		if (chosen) this.#chosen = moveClass("chosen", null, chosen);
	}

	/** @param {MouseEvent} event */
	#playClicked(event) {
		const span = this.spans.find((each) => each === elementOf(event));
		const isSelecting = getSelection()?.isCollapsed === false;
		if (span && !isSelecting) this.#playFrom(span);
	}

	/** @param {KeyboardEvent} event */
	#control(event) {
		const actions = this.#actions();
		const act = actions.get(event.key);
		if (!act) return;
		act();
		event.preventDefault();
	}

	/** What each key does. */
	#actions() {
		const isRightToLeft = getComputedStyle(this.paragraph).direction === "rtl";
		const forward = isRightToLeft ? -1 : 1;
		return new Map([
			["ArrowRight", () => this.#step(forward)],
			["ArrowLeft", () => this.#step(-forward)],
			["Home", () => this.#choose(0)],
			["End", () => this.#choose(this.spans.length - 1)],
			["Enter", () => this.#playFrom(this.#chosen)],
			[" ", () => this.#playOrPause()],
		]);
	}

	#playOrPause() {
		toggle(this.source, this.#startOf(this.#lit ?? this.#chosen));
	}

	/** @param {HTMLElement | null} span */
	#playFrom(span) {
		play(this.source, this.#startOf(span));
	}

	/** @param {HTMLElement | null} span the first word where there is none */
	#startOf(span) {
		const index = span ? this.spans.indexOf(span) : 0;
		return this.words[index].start;
	}

	/** @param {number} by */
	#step(by) {
		const at = this.#chosen ? this.spans.indexOf(this.#chosen) : -1;
		this.#choose(at + by);
	}

	/** @param {number} index */
	#choose(index) {
		const at = Math.max(0, Math.min(index, this.spans.length - 1));
		const span = this.spans[at];
		this.#chosen = moveClass("chosen", this.#chosen, span);
		lastChosen = { key: this.source.key, index: at };
		announce(span.textContent ?? "");
	}

	#lightSpoken() {
		const { time } = stateOf(this.source);
		const index = time > 0 ? wordAt(this.words, time) : -1;
		this.#lit = moveClass("lit", this.#lit, index < 0 ? null : this.spans[index]);
	}
}

/**
 * Returns the element that has the class now.
 * @param {string} name
 * @param {HTMLElement | null} before
 * @param {HTMLElement | null} after
 */
function moveClass(name, before, after) {
	if (before !== after) {
		before?.classList.remove(name);
		after?.classList.add(name);
	}
	return after;
}
