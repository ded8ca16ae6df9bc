// Menus.

import { h } from "./elements.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Entry
 * @property {string} icon
 * @property {string} label
 * @property {() => void} run
 */

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Opens a menu at a button. The browser places the popover, closes it, and gives the focus back.
 * @param {HTMLElement} button
 * @param {Entry[]} entries at least one
 */
export function openMenu(button, entries) {
	const menu = h("div.menu", { role: "menu", label: button.ariaLabel, popover: "auto" });
	const items = entries.map((entry) => menuItem(menu, entry));
	menu.append(...items);
	menu.onkeydown = (event) => moveByKey(menu, items, event);
	menu.ontoggle = ({ newState }) => {
		button.ariaExpanded = String(newState === "open");
		if (newState === "closed") menu.remove();
	};
	document.body.append(menu);
	menu.showPopover({ source: button });
	if (!CSS.supports("position-area: bottom")) placeMenu(menu, button);
	items[0].focus();
}

/**
 * @param {HTMLElement} menu
 * @param {Entry} entry
 */
function menuItem(menu, entry) {
	const onclick = () => {
		menu.hidePopover();
		entry.run();
	};
	return h(`button.${entry.icon}`, { role: "menuitem", tabindex: -1, onclick }, icon(entry.icon), entry.label);
}

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement[]} items
 * @param {KeyboardEvent} event
 */
function moveByKey(menu, items, event) {
	const focused = items.findIndex((item) => item === document.activeElement);
	const step = STEPS[event.key];
	const wanted = step ? items.at((focused + step) % items.length) : itemForKey(items, focused, event);
	if (wanted) wanted.focus();
	else if (event.key === "Tab") menu.hidePopover();
	else return;
	event.preventDefault();
}

/**
 * The first and the last item, and the next one that begins with a letter.
 * @param {HTMLElement[]} items
 * @param {number} focused
 * @param {KeyboardEvent} event
 */
function itemForKey(items, focused, { key, ctrlKey, metaKey, altKey }) {
	if (key === "Home") return items[0];
	if (key === "End") return items[items.length - 1];
	const isLetter = [...key].length === 1 && key !== " " && !ctrlKey && !metaKey && !altKey;
	if (!isLetter) return null;
	const after = [...items.slice(focused + 1), ...items.slice(0, focused + 1)];
	return after.find((item) => item.textContent?.toLowerCase().startsWith(key.toLowerCase())) ?? null;
}

/**
 * For browsers that do not place it: below the button and within the view.
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function placeMenu(menu, button) {
	const at = button.getBoundingClientRect();
	const top = at.bottom + menu.offsetHeight > innerHeight ? at.top - menu.offsetHeight : at.bottom;
	menu.style.inset = "auto";
	menu.style.margin = "0";
	menu.style.top = `${Math.max(0, top)}px`;
	menu.style.left = `${Math.max(0, Math.min(at.left, innerWidth - menu.offsetWidth))}px`;
}
