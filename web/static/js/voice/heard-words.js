// The words that come while one speaks. Those that will not change stand still; only what follows them is made anew.

import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { wordsSoFar } from "./heard-text.js";

/** @import { Captions } from "../wire.js" */

const AT_END = 24; // pixels from the end within which one is taken along

export class HeardWords {
	/** @type {{ look: string, nodes: ChildNode[] }[]} */
	#shown = [];

	constructor() {
		// No live region: what a screen reader says while one speaks would be in the recording.
		this.element = h("p.heard-words", { dir: "auto", role: "group", label: say("record.heard"), tabindex: 0 });
	}

	/** @param {Pick<Captions, "text" | "words" | "settled" | "language">} heard */
	show({ language, ...heard }) {
		const { element } = this;
		const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END;
		const words = wordsSoFar(heard);
		const looks = words.map(({ text, unsure, isSettled, isJoined }) => [text, unsure, isSettled, isJoined].join());
		const firstChanged = looks.findIndex((look, index) => this.#shown[index]?.look !== look);
		const same = firstChanged < 0 ? looks.length : firstChanged;
		for (const { nodes } of this.#shown.splice(same)) nodes.forEach((node) => node.remove());
		for (const word of words.slice(same)) this.#append(word, looks[this.#shown.length]);
		element.lang = language ?? "";
		if (isAtEnd) element.scrollTop = element.scrollHeight;
	}

	/**
	 * @param {ReturnType<typeof wordsSoFar>[number]} word
	 * @param {string} look
	 */
	#append({ text, unsure, isSettled, isJoined }, look) {
		const span = h("span.word", text);
		span.classList.toggle("unsettled", !isSettled);
		span.classList.toggle("unsure", isSettled && unsure);
		const nodes = isJoined || !this.#shown.length ? [span] : [new Text(" "), span];
		this.#shown.push({ look, nodes });
		this.element.append(...nodes);
	}
}
