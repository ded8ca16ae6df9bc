// Where elements are in a view that scrolls.

const EDGE = 4; // pixels of an element that must be in view
const END = 60; // nearer to the end than this counts as being there

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
