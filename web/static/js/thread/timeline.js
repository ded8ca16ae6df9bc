// A long list of which only what is near the view is in the page. The first row in view is held in place whatever changes
// around it, unless the reader is at the newest: then the list follows.

import { replaceKeepingFocus } from "../dom/replace.js";
import { RowHeights } from "./row-heights.js";
import { distanceToEnd, followsAfter, isAtEnd, isInView, topIn } from "./scroller.js";
import { stretchFor } from "./stretch.js";

const OVERSCAN = 900; // pixels above and below the view
const NEAR = 1_200; // pixels from an end at which more is loaded
const ROUNDS = 4;
const MADE_A_FRAME = 3; // rows, apart from those in view; more would keep a slow phone busy for too long
const SHOWN_A_FRAME = 6; // rows that come into view by scrolling; where they are more, nobody can read them

/**
 * @typedef {object} ItemKey what the list needs of an item: its row is made anew when the signature changes
 * @property {string} key
 * @property {string} signature
 */

/**
 * The items of the list, which are made when they come near the view.
 * @template {ItemKey} Item
 * @typedef {object} Items
 * @property {string[]} keys of all of them
 * @property {(first: number, end: number) => Item[]} slice
 */

/**
 * @template {ItemKey} Item
 * @typedef {object} Callbacks
 * @property {(item: Item) => HTMLElement} rowOf makes the row of an item
 * @property {() => void} onStart the beginning of the list is near
 * @property {() => void} onEnd its end is
 * @property {() => void} onView what is in view may have changed
 */

/** @typedef {{ scroller: HTMLElement, top: HTMLElement, bottom: HTMLElement }} Parts */
/** @typedef {{ element: HTMLElement, signature: string }} Row */
/** @typedef {{ key: string, at: number }} Anchor a row, and how far it is from the top of the view */

/** @template {ItemKey} Item */
export class Timeline {
	/** @type {Items<Item>} */
	#items = { keys: [], slice: () => [] };
	#heights = new RowHeights();
	/** @type {Map<string, Row>} those in the page, by key */
	#rows = new Map();
	#follows = true;
	#frame = 0;
	#width = 0;
	#seenTop = 0;
	#may = { make: 0, show: 0 };

	/**
	 * @param {Parts} parts
	 * @param {Callbacks<Item>} callbacks
	 */
	constructor({ scroller, top, bottom }, callbacks) {
		this.scroller = scroller;
		this.top = top;
		this.bottom = bottom;
		this.callbacks = callbacks;
		this.resizes = new ResizeObserver(() => this.#updateLater());
		this.resizes.observe(scroller);
		scroller.onscroll = () => this.#scrolled();
	}

	destroy() {
		this.resizes.disconnect();
		cancelAnimationFrame(this.#frame);
	}

	/** @param {Items<Item>} items */
	setItems(items) {
		this.#noteScroll(); // the browser tells of it with the next frame only
		this.#items = items;
		this.#heights.setKeys(items.keys);
		this.#update();
	}

	/** Whether the list stays at the newest. */
	get follows() {
		return this.#follows;
	}

	toBottom() {
		this.#follows = true;
		this.#update();
	}

	/** The rows that can be seen, from the top. */
	rowsInView() {
		return [...this.#rows.values()].map(({ element }) => element).filter((each) => isInView(this.scroller, each));
	}

	/**
	 * Brings a row to the middle of the view. Returns its element, null when there is no such row.
	 * @param {string} key
	 */
	show(key) {
		if (!this.#heights.has(key)) return null;
		const { scroller } = this;
		this.#follows = false;
		this.#measure();
		scroller.scrollTop = this.#heights.topOf(key) - scroller.clientHeight / 2;
		this.#draw(null);
		const height = this.#rows.get(key)?.element.offsetHeight ?? 0;
		const middle = (scroller.clientHeight - height) / 2;
		this.#hold({ key, at: Math.max(scroller.clientHeight / 5, middle) });
		this.#follows = isAtEnd(scroller);
		this.#update();
		return this.#rows.get(key)?.element ?? null;
	}

	#scrolled() {
		this.#noteScroll();
		this.#updateLater();
	}

	#noteScroll() {
		this.#follows = followsAfter(this.scroller, this.#seenTop, this.#follows);
		this.#seenTop = this.scroller.scrollTop;
	}

	#updateLater() {
		cancelAnimationFrame(this.#frame);
		this.#frame = requestAnimationFrame(() => this.#update());
	}

	#update() {
		const { scroller } = this;
		if (!scroller.clientHeight) return; // not in the page yet
		if (this.#width !== scroller.clientWidth) this.#heights.clear();
		this.#width = scroller.clientWidth;
		this.#draw(this.#follows ? null : this.#firstInView(), this.#follows ? Infinity : SHOWN_A_FRAME);
		if (scroller.scrollTop < NEAR) this.callbacks.onStart();
		if (distanceToEnd(this.scroller) < NEAR) this.callbacks.onEnd();
		this.callbacks.onView();
	}

	/** @returns {Anchor | null} */
	#firstInView() {
		const isFound = (/** @type {[string, Row]} */ [key, { element }]) =>
			this.#heights.has(key) && isInView(this.scroller, element);
		const [key, row] = [...this.#rows].find(isFound) ?? [];
		return key && row ? { key, at: topIn(this.scroller, row.element) } : null;
	}

	/**
	 * Measured heights may bring other rows into view, so this takes a few rounds.
	 * @param {Anchor | null} anchor
	 * @param {number} [mayShow] how many of the rows in view may be made; what is left comes with the next frame
	 */
	#draw(anchor, mayShow = Infinity) {
		const { scroller } = this;
		this.#may = { make: MADE_A_FRAME, show: mayShow };
		for (let round = 0, changed = true; changed && round < ROUNDS; round += 1) {
			this.#measure();
			this.#place(this.#wantedTop(anchor));
			changed = this.#measure();
			if (this.#follows) scroller.scrollTop = scroller.scrollHeight;
			else if (anchor) this.#hold(anchor);
		}
		this.#seenTop = scroller.scrollTop;
	}

	/** Takes the heights of the rows in the page. Returns whether one is new. */
	#measure() {
		const measured = [...this.#rows].map(([key, { element }]) => [key, element.getBoundingClientRect().height]);
		return this.#heights.measure(/** @type {[string, number][]} */ (measured));
	}

	/**
	 * Where the view will be once the rows are in place, so that no others are made for where it has been.
	 * @param {Anchor | null} anchor
	 */
	#wantedTop(anchor) {
		if (this.#follows) return this.#heights.total - this.scroller.clientHeight;
		return anchor ? this.#heights.topOf(anchor.key) - anchor.at : this.scroller.scrollTop;
	}

	/**
	 * Puts the rows near the view into the page, and takes the others out.
	 * @param {number} scrollTop
	 */
	#place(scrollTop) {
		const { first, end } = this.#stretchAt(scrollTop);
		const before = this.#rows;
		const items = this.#items.slice(first, end);
		const kept = new Set(items.map(({ key }) => key));
		// These leave first: if one were between the others, all after it would be moved, and laid out anew.
		for (const [key, { element }] of before) if (!kept.has(key)) this.#remove(element);
		let last = this.top;
		this.#rows = new Map();
		for (const item of items) {
			const element = this.#renew(item, before.get(item.key) ?? null);
			if (last.nextSibling !== element) last.after(element);
			last = element;
		}
		const { above, below } = this.#heights.outside({ first, end });
		this.top.style.height = `${above}px`;
		this.bottom.style.height = `${below}px`;
	}

	/** @param {number} scrollTop where the view is or will be */
	#stretchAt(scrollTop) {
		const { clientHeight } = this.scroller;
		const inView = this.#heights.within(scrollTop, scrollTop + clientHeight);
		const near = this.#heights.within(scrollTop - OVERSCAN, scrollTop + clientHeight + OVERSCAN);
		const isMade = (/** @type {number} */ index) => this.#rows.has(this.#items.keys[index]);
		const stretch = stretchFor(inView, near, isMade, this.#may);
		if (stretch.first > near.first || stretch.end < near.end) this.#updateLater();
		return stretch;
	}

	/**
	 * The row of an item: the one there is, unless it would look different now.
	 * @param {Item} item
	 * @param {Row | null} kept
	 */
	#renew(item, kept) {
		const { key, signature } = item;
		if (kept?.signature === signature) {
			this.#rows.set(key, kept);
			return kept.element;
		}
		const element = this.callbacks.rowOf(item);
		this.#may = { make: this.#may.make - 1, show: this.#may.show - 1 };
		this.#rows.set(key, { element, signature });
		this.resizes.observe(element);
		if (kept) this.resizes.unobserve(kept.element);
		if (kept) replaceKeepingFocus(kept.element, element);
		return element;
	}

	/** @param {HTMLElement} element */
	#remove(element) {
		this.resizes.unobserve(element);
		element.remove();
	}

	/** @param {Anchor} anchor */
	#hold({ key, at }) {
		const row = this.#rows.get(key);
		if (row) this.scroller.scrollTop += topIn(this.scroller, row.element) - at;
		else this.scroller.scrollTop = this.#heights.topOf(key) - at;
	}
}
