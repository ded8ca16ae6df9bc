// Elements from data. Text is only ever set as text, never read as HTML.

/** @import { Child, ElementOf } from "../page.js" */

/** @typedef {Record<string, any>} Properties */

/**
 * An element: `h("p.note", {title: "…", onclick: …}, "text", child)`. Among the properties, functions become listeners,
 * `--names` style properties, and `label` what screen readers say; those that are null or false are left out.
 * @template {string} Spec
 * @param {Spec} spec the tag and classes
 * @param {...(Child | Properties)} rest properties, if any, before the children
 * @returns {ElementOf<Spec>}
 */
export function h(spec, ...rest) {
	const [tag, ...classes] = spec.split(".");
	const element = document.createElement(tag);
	element.className = classes.join(" ");
	if (element instanceof HTMLButtonElement) element.type = "button";
	const [first] = rest;
	if (isProperties(first)) setProperties(element, first);
	const children = /** @type {Child[]} */ (isProperties(first) ? rest.slice(1) : rest);
	element.append(...nodesOf(children));
	return /** @type {ElementOf<Spec>} */ (element);
}

/**
 * @param {Child | Properties} value
 * @returns {value is Properties}
 */
function isProperties(value) {
	return typeof value === "object" && value !== null && value.constructor === Object;
}

/**
 * @param {HTMLElement} element
 * @param {Properties} properties
 */
function setProperties(element, properties) {
	for (const [name, value] of Object.entries(properties)) {
		if (typeof value === "function") Object.assign(element, { [name]: value });
		else if (isGiven(value)) setProperty(element, name, String(value));
	}
}

/** @param {unknown} value */
const isGiven = (value) => (value ?? false) !== false;

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value
 */
function setProperty(element, name, value) {
	if (name.startsWith("--")) element.style.setProperty(name, value);
	else element.setAttribute(name === "label" ? "aria-label" : name, value);
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodesOf(children) {
	return children.flatMap((child) => {
		if (Array.isArray(child)) return nodesOf(child);
		if (!child || child === true) return [];
		return [child instanceof Node ? child : String(child)];
	});
}

/**
 * Puts these children in place of what an element has. Returns the element.
 * @template {Element} Parent
 * @param {Parent} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
	parent.replaceChildren(...nodesOf(children));
	return parent;
}

/**
 * Listens to several events, their names separated by spaces. Returns how to stop.
 * @param {EventTarget} target
 * @param {string} names
 * @param {(event: any) => void} listener
 * @param {AddEventListenerOptions} [options]
 */
export function listen(target, names, listener, options) {
	const each = names.split(" ");
	for (const name of each) target.addEventListener(name, listener, options);
	return () => {
		for (const name of each) target.removeEventListener(name, listener, options);
	};
}

/**
 * The target of an event, where it is an element.
 * @param {Event} event
 */
export const elementOf = ({ target }) => (target instanceof Element ? target : null);

/** With a finger, focus on a text field brings up the screen's keyboard, which hides half the page. */
export const isTouched = () => matchMedia("(pointer: coarse)").matches;
