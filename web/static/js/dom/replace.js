// Puts an element in the place of an older one that it looks like, without taking the focus away.

/**
 * What had the focus in the old element has it in the new one, found by its `data-focus`.
 * @param {HTMLElement} before
 * @param {HTMLElement} after
 */
export function replaceKeepingFocus(before, after) {
	const focused = document.activeElement;
	const wanted = before.contains(focused) && focused instanceof HTMLElement ? focused.dataset.focus : "";
	before.replaceWith(after);
	if (!wanted) return;
	const same = after.querySelector(`[data-focus=${wanted}]`);
	if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}
