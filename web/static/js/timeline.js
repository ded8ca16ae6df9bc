// A long list of which only what is in view, and a little around it, is in the page. Heights are estimated until a row
// has been seen; the first row in view is held in place whatever changes around it.

const OVERSCAN = 900; // pixels above and below the view
const ESTIMATE = 72;
const NEAR = 1_200; // pixels from an end at which more is loaded
const BOTTOM = 60; // nearer to the end than this counts as being there

export class Timeline {
	/** `row(item)` makes the element of `{key, signature, …}`; a changed signature has it made anew. */
	constructor({ scroller, list, top, bottom }, { row, onStart, onEnd, onView }) {
		Object.assign(this, { scroller, list, top, bottom, row, onStart, onEnd, onView });
		this.items = [];
		this.offsets = [0];
		this.heights = new Map();
		this.rows = new Map(); // key -> {element, signature}, those in the page
		this.follows = true; // stays at the newest
		scroller.addEventListener("scroll", () => this.#later(this.atBottom), { passive: true });
		this.resized = new ResizeObserver(() => this.#later(this.follows));
		this.resized.observe(scroller);
	}

	get atBottom() {
		return this.#left() < BOTTOM;
	}

	setItems(items) {
		this.items = items;
		this.#update();
	}

	toBottom() {
		this.follows = true;
		this.#update();
	}

	/** Brings a row to the middle of the view; answers its element. */
	show(key) {
		const index = this.items.findIndex((item) => item.key === key);
		if (index < 0) return undefined;
		this.follows = false;
		this.#measure();
		const view = this.scroller.clientHeight;
		this.scroller.scrollTop = this.offsets[index] - view / 2;
		this.#draw();
		const { element } = this.rows.get(key);
		const room = Math.max(view / 5, (view - element.offsetHeight) / 2);
		this.scroller.scrollTop += this.#placeOf(element).top - room;
		this.#update();
		return this.rows.get(key).element;
	}

	/** The elements that can be seen now, oldest first. */
	inView() {
		return [...this.rows.values()].map(({ element }) => element).filter((element) => {
			const { top, bottom } = this.#placeOf(element);
			return bottom > 4 && top < this.scroller.clientHeight - 4;
		});
	}

	#left() {
		return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
	}

	#placeOf(element) {
		const { top, bottom } = element.getBoundingClientRect();
		const view = this.scroller.getBoundingClientRect().top;
		return { top: top - view, bottom: bottom - view };
	}

	#later(follows) {
		this.follows = follows;
		cancelAnimationFrame(this.frame);
		this.frame = requestAnimationFrame(() => this.#update());
	}

	#update() {
		if (!this.scroller.clientHeight) return;
		if (this.width !== this.scroller.clientWidth) this.heights.clear();
		this.width = this.scroller.clientWidth;
		this.#draw(this.follows ? null : this.#anchor());
		if (this.scroller.scrollTop < NEAR) this.onStart();
		if (this.#left() < NEAR) this.onEnd();
		this.onView();
	}

	/** The first row in view, and where it is. */
	#anchor() {
		const keys = new Set(this.items.map(({ key }) => key));
		for (const [key, { element }] of this.rows) {
			const { top, bottom } = this.#placeOf(element);
			if (bottom > 0 && keys.has(key)) return { key, top };
		}
		return null;
	}

	/** Measured heights may bring other rows into view, so this takes a few rounds. */
	#draw(anchor) {
		for (let round = 0; round < 4; round += 1) {
			this.#measure();
			if (this.follows) this.scroller.scrollTop = this.offsets.at(-1) + NEAR;
			this.#place(this.scroller.scrollTop - OVERSCAN, this.scroller.scrollTop + this.scroller.clientHeight + OVERSCAN);
			const changed = this.#measure();
			if (this.follows) this.scroller.scrollTop = this.scroller.scrollHeight;
			else if (anchor) this.#hold(anchor);
			if (!changed) break;
		}
	}

	/** Takes the heights of the rows in the page; answers whether one was not known. */
	#measure() {
		let changed = false;
		for (const [key, { element }] of this.rows) {
			const { height } = element.getBoundingClientRect();
			if (Math.abs((this.heights.get(key) ?? 0) - height) < 0.5) continue;
			this.heights.set(key, height);
			changed = true;
		}
		let sum = 0;
		this.offsets = [0, ...this.items.map(({ key }) => (sum += this.heights.get(key) ?? ESTIMATE))];
		return changed;
	}

	/** Has the rows between two offsets in the page, and room for the others. */
	#place(from, until) {
		const wanted = this.items.filter((_, index) => this.offsets[index + 1] > from && this.offsets[index] < until);
		const first = this.items.indexOf(wanted[0]);
		const before = this.rows;
		this.rows = new Map();
		let last = this.top;
		for (const item of wanted) {
			const element = this.#rowOf(item, before.get(item.key));
			before.delete(item.key);
			if (last.nextSibling !== element) last.after(element);
			last = element;
		}
		for (const { element } of before.values()) this.#drop(element);
		this.top.style.height = `${this.offsets[Math.max(0, first)]}px`;
		this.bottom.style.height = `${this.offsets.at(-1) - this.offsets[Math.max(0, first) + wanted.length]}px`;
	}

	#rowOf(item, kept) {
		if (kept?.signature === item.signature) {
			this.rows.set(item.key, kept);
			return kept.element;
		}
		const element = this.row(item);
		this.rows.set(item.key, { element, signature: item.signature });
		this.resized.observe(element);
		if (!kept) return element;
		const { focus } = kept.element.contains(document.activeElement) ? document.activeElement.dataset : {};
		kept.element.before(element);
		this.#drop(kept.element);
		if (focus) element.querySelector(`[data-focus=${focus}]`)?.focus({ preventScroll: true });
		return element;
	}

	#drop(element) {
		this.resized.unobserve(element);
		element.remove();
	}

	#hold({ key, top }) {
		const row = this.rows.get(key);
		const index = row ? 0 : this.items.findIndex((item) => item.key === key);
		if (row) this.scroller.scrollTop += this.#placeOf(row.element).top - top;
		else this.scroller.scrollTop = this.offsets[index] - top;
	}

	destroy() {
		this.resized.disconnect();
		cancelAnimationFrame(this.frame);
	}
}
