// The search over people and messages, in place of the list of conversations while it is open.

import { say } from "../base/sentences.js";
import { elementOf, fill, h } from "../dom/elements.js";
import { find } from "./search-results.js";

/** @import { Person } from "../wire.js" */

const PAUSE = 200; // milliseconds without another letter before it searches

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * The person and the message that a result leads to, whatever was searched for.
 * @param {HTMLAnchorElement} link
 */
const targetOf = ({ pathname, search }) => `${pathname} ${new URLSearchParams(search).get("at") ?? ""}`;

/** The parts of the template `shell` that are the search's. */
export const SEARCH_PARTS = {
	search: HTMLElement,
	input: HTMLInputElement,
	close: HTMLButtonElement,
	begin: HTMLButtonElement,
	results: HTMLElement,
	list: HTMLElement,
};

/** @typedef {{ [Name in keyof typeof SEARCH_PARTS]: InstanceType<(typeof SEARCH_PARTS)[Name]> }} Parts */

export class Search {
	/** @type {ReturnType<typeof setTimeout> | null} */
	#timer = null;
	#turn = 0; // a search that took longer than the next one is not shown
	/** @type {Person | null} the search is within the conversation with this person */
	#partner = null;

	/** @param {Parts} parts */
	constructor(parts) {
		const { search, input, close, begin, results } = parts;
		this.parts = parts;
		input.onfocus = () => {
			const wasLeft = results.hidden && input.value.trim() !== "";
			if (wasLeft) this.#run(); // without words, the conversations stay in reach
		};
		input.oninput = () => this.#runSoon();
		close.onclick = () => this.#end();
		begin.onclick = () => {
			input.focus();
			this.#run();
		};
		search.onkeydown = (event) => this.#control(event);
		results.onkeydown = (event) => this.#control(event);
		results.onclick = (event) => this.#clicked(event);
	}

	/** Returns whether the search can be seen. */
	focus() {
		const { input } = this.parts;
		input.focus();
		input.select();
		return input.checkVisibility();
	}

	/**
	 * Searches in one conversation alone, until the search is closed.
	 * @param {Person} partner
	 */
	within(partner) {
		this.#setPartner(partner);
		this.parts.input.value = "";
		this.focus();
		this.#run();
	}

	/** @param {Person | null} partner */
	#setPartner(partner) {
		const { input } = this.parts;
		this.#partner = partner;
		input.placeholder = partner ? say("search.within", { name: partner.username }) : say("search.everywhere");
		input.ariaLabel = input.placeholder;
	}

	/** @param {boolean} isOpen */
	#show(isOpen) {
		const { results, close, list } = this.parts;
		results.hidden = !isOpen;
		close.hidden = !isOpen;
		list.hidden = isOpen;
	}

	#end() {
		const { input } = this.parts;
		this.#stopTimer();
		this.#turn += 1;
		input.value = "";
		this.#setPartner(null);
		input.blur();
		this.#show(false);
	}

	#stopTimer() {
		if (this.#timer !== null) clearTimeout(this.#timer);
	}

	#runSoon() {
		this.#stopTimer();
		this.#timer = setTimeout(() => this.#run(), PAUSE);
	}

	async #run() {
		this.#show(true);
		this.#turn += 1;
		const turn = this.#turn;
		const words = this.parts.input.value.trim();
		const found = await find(words, this.#partner).catch(({ message }) => [h("p.hint", message)]);
		if (turn === this.#turn) this.#showFound(found);
	}

	/**
	 * Whoever has gone from the words to a result meanwhile stays there; where it is not found any more, with the words.
	 * @param {HTMLElement[]} found
	 */
	#showFound(found) {
		const { input, results } = this.parts;
		const isAmong = results.contains(document.activeElement);
		const left = isAmong && document.activeElement instanceof HTMLAnchorElement ? targetOf(document.activeElement) : "";
		fill(results, found);
		if (!isAmong) return;
		const same = [...results.querySelectorAll("a")].find((link) => targetOf(link) === left);
		(same ?? input).focus();
	}

	/** @param {KeyboardEvent} event */
	#control(event) {
		if (event.key === "Escape") this.#end();
		else if (event.key === "Enter" && event.target === this.parts.input) this.#followFirst();
		else if (STEPS[event.key] && !this.parts.results.hidden) this.#walk(event);
	}

	/**
	 * From the words to the first result, and from one to the next.
	 * @param {KeyboardEvent} event
	 */
	#walk(event) {
		const { input, results } = this.parts;
		const stops = [input, ...results.querySelectorAll("a")];
		const at = stops.findIndex((stop) => stop === document.activeElement);
		stops[Math.max(0, Math.min(at + STEPS[event.key], stops.length - 1))].focus();
		event.preventDefault();
	}

	#followFirst() {
		this.parts.results.querySelector("a")?.click();
	}

	/**
	 * Whoever goes to a person is done; among messages one may want to look at the next.
	 * @param {Event} event
	 */
	#clicked(event) {
		const leadsToPerson = elementOf(event)?.closest("a:not([href*='?'])");
		if (leadsToPerson) this.#end();
	}
}
