// Small pictures: the icons drawn in index.html, the sign of waiting, and the picture of a person.

import { h } from "./elements.js";
import { copyTemplate } from "./template.js";

/**
 * The icon `i-<name>` of index.html.
 * @param {string} name
 */
export function icon(name) {
	const { element } = copyTemplate("icon", {});
	element.classList.add(`icon-${name}`);
	element.firstElementChild?.setAttribute("href", `#i-${name}`);
	return element;
}

export const spinner = () => h("span.spinner");

/**
 * The first letter of a name on a colour that the name always gets.
 * @param {string} name
 */
export function avatar(name) {
	let hue = 7;
	for (const character of name) hue = (hue * 31 + Number(character.codePointAt(0))) % 360;
	const [initial = ""] = name.trim();
	return h("span.avatar", { "aria-hidden": "true", "--hue": hue }, initial.toLocaleUpperCase());
}
