// Puts elements in the place of older ones that they look like, without taking the focus away, or a click that has begun.

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

/**
 * Makes a node the same as a newer one, as far down as their tags agree; listeners are not taken over.
 * @param {Node} node
 * @param {Node} newer
 */
export function become(node, newer) {
	if (node.isEqualNode(newer)) return;
	if (node instanceof Element && newer instanceof Element) takeAttributes(node, newer);
	else node.nodeValue = newer.nodeValue;
	const children = [...newer.childNodes];
	for (const [index, child] of children.entries()) {
		const there = node.childNodes[index];
		if (there?.nodeName === child.nodeName) become(there, child);
		else if (there) there.replaceWith(child);
		else node.appendChild(child);
	}
	for (const left of [...node.childNodes].slice(children.length)) left.remove();
}

/**
 * @param {Element} element
 * @param {Element} newer
 */
function takeAttributes(element, newer) {
	for (const { name } of [...element.attributes]) if (!newer.hasAttribute(name)) element.removeAttribute(name);
	for (const { name, value } of newer.attributes) if (name !== "style") element.setAttribute(name, value);
	// The page's policy lets no text become a style, but rules that are set one by one.
	if (element instanceof HTMLElement && newer instanceof HTMLElement) element.style.cssText = newer.style.cssText;
}

/**
 * Puts these children in place of what an element has. Those that stay where they are do not leave the page meanwhile.
 * @param {Element} parent
 * @param {Element[]} children
 */
export function arrange(parent, children) {
	const staying = new Set(children);
	for (const child of [...parent.childNodes]) if (!(child instanceof Element && staying.has(child))) child.remove();
	for (const [index, child] of children.entries()) {
		if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
	}
}
