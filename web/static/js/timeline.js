// A long list of which only what is in view, and a little around it, is in the page. Heights are estimated until
// a row has been seen; the row at the top of the view is held in place whatever changes around it.

import { h } from "./dom.js";

const OVERSCAN = 900; // pixels above and below the view
const ESTIMATE = 72;
const NEAR = 1_200; // pixels from an end at which more is loaded
const BOTTOM = 60; // nearer than this to the end counts as being there

export class Timeline {
  /** `row(item)` makes an element; `item` is `{key, signature, …}`, and a changed signature makes it anew. */
  constructor({ label, row, onStart, onEnd, onView }) {
    Object.assign(this, { row, onStart, onEnd, onView });
    this.items = [];
    this.offsets = new Float64Array(1);
    this.heights = new Map();
    this.rows = new Map(); // key -> {element, signature}
    this.top = h("div", { class: "spacer" });
    this.bottom = h("div", { class: "spacer" });
    this.list = h("div", { class: "timeline-rows" }, this.top, this.bottom);
    const props = { class: "timeline", role: "log", "aria-live": "off", "aria-label": label, tabindex: 0 };
    this.element = h("div", props, this.list);
    this.element.addEventListener("scroll", () => this.#schedule(), { passive: true });
    this.width = 0;
    this.follows = true; // stays at the newest
    this.resized = new ResizeObserver(() => this.#schedule(true));
    this.resized.observe(this.element);
  }

  destroy() {
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
  }

  get atBottom() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < BOTTOM;
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
    if (index < 0) return null;
    this.follows = false;
    this.#measureOffsets();
    const middle = (this.offsets[index] + this.offsets[index + 1] - this.element.clientHeight) / 2;
    this.element.scrollTop = Math.max(0, middle);
    this.#render(null);
    const { element } = this.rows.get(key);
    const rows = element.getBoundingClientRect();
    const view = this.element.getBoundingClientRect();
    const room = Math.max(view.height / 5, (view.height - rows.height) / 2);
    this.element.scrollTop += rows.top - view.top - room;
    this.#update();
    return element;
  }

  /** The keys that can be seen now. */
  inView() {
    const view = this.element.getBoundingClientRect();
    return [...this.rows].filter(([, { element }]) => {
      const { top, bottom } = element.getBoundingClientRect();
      return bottom > view.top + 4 && top < view.bottom - 4;
    });
  }

  #schedule(resized = false) {
    if (!resized) this.follows = this.atBottom;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#update());
  }

  #update() {
    if (!this.element.isConnected || !this.element.clientHeight) return;
    if (this.width !== this.element.clientWidth) {
      this.width = this.element.clientWidth;
      this.heights.clear();
    }
    const anchor = this.follows ? null : this.#anchor();
    this.#render(anchor);
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (scrollTop < NEAR) this.onStart();
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.onEnd();
    this.onView();
  }

  /** The first row in view and where its top is, relative to the view. */
  #anchor() {
    const view = this.element.getBoundingClientRect().top;
    const known = new Set(this.items.map(({ key }) => key));
    for (const [key, { element }] of this.rows) {
      const { top, bottom } = element.getBoundingClientRect();
      if (bottom > view && known.has(key)) return { key, top: top - view };
    }
    return null;
  }

  /** Draws until the rows drawn are those that should be: measured heights may bring others into view. */
  #render(anchor) {
    for (let round = 0; round < 4; round += 1) {
      this.#measureOffsets();
      if (this.follows) this.element.scrollTop = this.offsets.at(-1) + 1_000;
      const [first, last] = this.#range();
      this.#place(first, last);
      const changed = this.#measureRows();
      if (this.follows) this.element.scrollTop = this.element.scrollHeight;
      else if (anchor) this.#hold(anchor);
      if (!changed) break;
    }
  }

  #range() {
    const from = this.element.scrollTop - OVERSCAN;
    const until = this.element.scrollTop + this.element.clientHeight + OVERSCAN;
    return [Math.max(0, this.#indexAt(from)), Math.min(this.items.length, this.#indexAt(until) + 1)];
  }

  #indexAt(offset) {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[middle + 1] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #measureOffsets() {
    if (this.offsets.length !== this.items.length + 1) this.offsets = new Float64Array(this.items.length + 1);
    this.items.forEach((item, index) => {
      this.offsets[index + 1] = this.offsets[index] + (this.heights.get(item.key) ?? ESTIMATE);
    });
  }

  #place(first, last) {
    const wanted = this.items.slice(first, last);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { element }] of this.rows) {
      if (keys.has(key)) continue;
      this.resized.unobserve(element);
      element.remove();
      this.rows.delete(key);
    }
    let before = this.top;
    const rows = new Map();
    for (const item of wanted) {
      const element = this.#rowOf(item);
      if (before.nextSibling !== element) before.after(element);
      rows.set(item.key, this.rows.get(item.key));
      before = element;
    }
    this.rows = rows;
    this.top.style.height = `${this.offsets[first] ?? 0}px`;
    this.bottom.style.height = `${this.offsets.at(-1) - (this.offsets[last] ?? 0)}px`;
  }

  #rowOf(item) {
    const kept = this.rows.get(item.key);
    if (kept?.signature === item.signature) return kept.element;
    const element = this.row(item);
    this.rows.set(item.key, { element, signature: item.signature });
    this.resized.observe(element);
    if (kept) {
      const focused = kept.element.contains(document.activeElement) && document.activeElement.dataset.focus;
      this.resized.unobserve(kept.element);
      kept.element.replaceWith(element);
      if (focused) element.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
    }
    return element;
  }

  #measureRows() {
    let changed = false;
    for (const [key, { element }] of this.rows) {
      const { height } = element.getBoundingClientRect();
      if (Math.abs((this.heights.get(key) ?? -1) - height) < 0.5) continue;
      this.heights.set(key, height);
      changed = true;
    }
    return changed;
  }

  #hold({ key, top }) {
    const element = this.rows.get(key)?.element;
    if (!element) {
      const index = this.items.findIndex((item) => item.key === key);
      if (index >= 0) this.element.scrollTop = this.offsets[index] - top;
      return;
    }
    const moved = element.getBoundingClientRect().top - this.element.getBoundingClientRect().top - top;
    if (Math.abs(moved) >= 0.5) this.element.scrollTop += moved;
  }
}
