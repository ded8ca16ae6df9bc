// Where elements are in a view that scrolls.

const EDGE = 4; // pixels of an element that must be in view
const END = 60; // nearer to the end than this counts as being there
const AT_REST = 2; // nearer than this, the browser has moved the view, as less is beneath it, and nobody has gone up

/**
 * How far an element begins below the top of the view, in pixels.
 * @param {HTMLElement} scroller
 * @param {HTMLElement} element
 */
export function topIn(scroller, element) {
	return element.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}

/**
 * @param {HTMLElement} scroller
 * @param {HTMLElement} element
 */
export function isInView(scroller, element) {
	const top = topIn(scroller, element);
	return top + element.offsetHeight > EDGE && top < scroller.clientHeight - EDGE;
}

/** @param {HTMLElement} scroller */
export function distanceToEnd({ scrollHeight, scrollTop, clientHeight }) {
	return scrollHeight - scrollTop - clientHeight;
}

/** @param {HTMLElement} scroller */
export function isAtEnd(scroller) {
	return distanceToEnd(scroller) < END;
}

/**
 * Whether a list stays at its end now that its view was moved. Whoever goes up leaves it, however slowly. What grows
 * beneath does not count as that, though it takes the end away.
 * @param {HTMLElement} scroller
 * @param {number} before where the view was
 * @param {boolean} follows whether it stayed there before
 */
export function followsAfter(scroller, before, follows) {
	const { clientHeight, scrollTop } = scroller;
	if (!clientHeight || scrollTop === before) return follows;
	return scrollTop < before ? distanceToEnd(scroller) < AT_REST : follows || isAtEnd(scroller);
}
