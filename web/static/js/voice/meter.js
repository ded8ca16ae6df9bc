// How loud it was in the last seconds, and just now.

import { h } from "../dom/elements.js";

const BARS = 64;
const GAIN = 5; // speech is far from as loud as can be

export class Meter {
	/** @param {HTMLElement} element */
	constructor(element) {
		this.element = element;
		element.append(...Array.from({ length: BARS }, () => h("i")));
	}

	/** @param {number} level 0 to 1 */
	show(level) {
		const oldest = /** @type {HTMLElement} */ (this.element.firstElementChild);
		oldest.style.setProperty("--level", String(Math.min(1, level * GAIN)));
		this.element.append(oldest);
	}
}
