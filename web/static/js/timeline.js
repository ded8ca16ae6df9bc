// A long list of which only what is near the view is in the page. Heights are estimated until a row has been seen; the
// first row in view is held in place whatever changes around it.

const OVERSCAN = 900; // pixels above and below the view
const ESTIMATE = 72;
const NEAR = 1_200; // pixels from an end at which more is loaded
const BOTTOM = 60; // nearer to the end than this counts as being there

/** `rowOf(item)` makes the element of `{key, signature, …}`, anew when the signature changes; the rest are told. */
export function timeline({ scroller, top, bottom }, { rowOf, onStart, onEnd, onView }) {
	const heights = new Map();
	let items = [];
	let offsets = [0];
	let rows = new Map(); // key -> {element, signature}, those in the page
	let follows = true; // stays at the newest
	let frame, width;
	let seenTop = 0;

	const left = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
	const atBottom = () => left() < BOTTOM;
	const topOf = (element) => element.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
	const inView = (element) => topOf(element) + element.offsetHeight > 4 && topOf(element) < scroller.clientHeight - 4;
	const indexOf = (key) => items.findIndex((item) => item.key === key);

	function later(follow) {
		follows = follow;
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(update);
	}

	function update() {
		if (!scroller.clientHeight) return;
		if (width !== scroller.clientWidth) heights.clear();
		width = scroller.clientWidth;
		const first = follows ? undefined : [...rows].find(([key, { element }]) => inView(element) && indexOf(key) >= 0);
		draw(first && { key: first[0], at: topOf(first[1].element) });
		if (scroller.scrollTop < NEAR) onStart();
		if (left() < NEAR) onEnd();
		onView();
	}

	/** Measured heights may bring other rows into view, so this takes a few rounds. */
	function draw(anchor) {
		for (let round = 0, changed = true; changed && round < 4; round += 1) {
			measure();
			if (follows) scroller.scrollTop = offsets.at(-1) + NEAR;
			place(scroller.scrollTop - OVERSCAN, scroller.scrollTop + scroller.clientHeight + OVERSCAN);
			changed = measure();
			if (follows) scroller.scrollTop = scroller.scrollHeight;
			else if (anchor) hold(anchor);
		}
		seenTop = scroller.scrollTop;
	}

	/** Takes the heights of the rows in the page; answers whether one is new. */
	function measure() {
		let changed = false;
		for (const [key, { element }] of rows) {
			const { height } = element.getBoundingClientRect();
			if (Math.abs((heights.get(key) ?? 0) - height) < 0.5) continue;
			heights.set(key, height);
			changed = true;
		}
		let sum = 0;
		offsets = [0, ...items.map(({ key }) => (sum += heights.get(key) ?? ESTIMATE))];
		return changed;
	}

	function place(from, until) {
		const wanted = items.filter((_, index) => offsets[index + 1] > from && offsets[index] < until);
		const first = Math.max(0, items.indexOf(wanted[0]));
		const before = rows;
		let last = top;
		rows = new Map();
		for (const item of wanted) {
			const element = renew(item, before.get(item.key));
			before.delete(item.key);
			if (last.nextSibling !== element) last.after(element);
			last = element;
		}
		for (const { element } of before.values()) drop(element);
		top.style.height = `${offsets[first]}px`;
		bottom.style.height = `${offsets.at(-1) - offsets[first + wanted.length]}px`;
	}

	function renew(item, kept) {
		const { key, signature } = item;
		const row = kept?.signature === signature ? kept : { element: rowOf(item), signature };
		rows.set(key, row);
		if (row === kept) return row.element;
		resized.observe(row.element);
		if (kept) {
			const { focus } = kept.element.contains(document.activeElement) ? document.activeElement.dataset : {};
			kept.element.before(row.element);
			drop(kept.element);
			if (focus) row.element.querySelector(`[data-focus=${focus}]`)?.focus({ preventScroll: true });
		}
		return row.element;
	}

	function drop(element) {
		resized.unobserve(element);
		element.remove();
	}

	function hold({ key, at }) {
		const row = rows.get(key);
		if (row) scroller.scrollTop += topOf(row.element) - at;
		else scroller.scrollTop = offsets[indexOf(key)] - at;
	}

	const resized = new ResizeObserver(() => later(follows));
	resized.observe(scroller);
	scroller.onscroll = () => {
		// Whoever goes up stops following; what grows beneath does not, though it takes the end away.
		later(atBottom() || (follows && scroller.scrollTop >= seenTop));
		seenTop = scroller.scrollTop;
	};
	return {
		atBottom,
		follows: () => follows,
		inView: () => [...rows.values()].map(({ element }) => element).filter(inView),
		setItems(all) {
			items = all;
			update();
		},
		toBottom() {
			follows = true;
			update();
		},
		/** Brings a row to the middle of the view; answers its element. */
		show(key) {
			const index = indexOf(key);
			if (index < 0) return;
			follows = false;
			measure();
			scroller.scrollTop = offsets[index] - scroller.clientHeight / 2;
			draw();
			const { element } = rows.get(key);
			hold({ key, at: Math.max(scroller.clientHeight / 5, (scroller.clientHeight - element.offsetHeight) / 2) });
			update();
			return rows.get(key).element;
		},
		destroy() {
			resized.disconnect();
			cancelAnimationFrame(frame);
		},
	};
}
