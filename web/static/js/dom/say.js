// The sentences of index.html: its elements name them by `data-say`, and their attributes by `data-say-…`.

import { partsOf, say } from "../base/sentences.js";

/** @import { Key } from "../base/sentences.js" */

/** @type {[string, string[]][]} which attributes get a sentence */
const ATTRIBUTES = [
	["data-say-label", ["aria-label"]],
	["data-say-tip", ["aria-label", "title"]],
	["data-say-placeholder", ["placeholder"]],
];

/**
 * Puts the reader's sentences into a page or a template, and into the templates in it.
 * @param {Document | DocumentFragment} root
 */
export function sayIn(root) {
	for (const template of root.querySelectorAll("template")) sayIn(template.content);
	for (const element of root.querySelectorAll("[data-say]")) sayInElement(element, keyIn(element, "data-say"));
	for (const note of root.querySelectorAll("[data-say-hint]")) {
		const hint = say(keyIn(note, "data-say-hint"));
		note.textContent = hint;
		note.setAttribute("data-hint", hint); // a form shows it again after a refusal
	}
	for (const [name, attributes] of ATTRIBUTES) {
		for (const element of root.querySelectorAll(`[${name}]`)) {
			for (const attribute of attributes) element.setAttribute(attribute, say(keyIn(element, name)));
		}
	}
}

/**
 * @param {Element} element
 * @param {string} attribute
 */
const keyIn = (element, attribute) => /** @type {Key} */ (element.getAttribute(attribute)); // a test knows them all

/**
 * An element's children named by `data-slot` take the places of the sentence's placeholders.
 * @param {Element} element
 * @param {Key} key
 */
function sayInElement(element, key) {
	const slots = new Map([...element.children].map((child) => [child.getAttribute("data-slot"), child]));
	element.replaceChildren(
		...partsOf(key).map((part) => (typeof part === "string" ? part : (slots.get(part.name) ?? ""))),
	);
}
