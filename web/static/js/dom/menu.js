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
	const step = STEPS[event.key];
	if (step) {
		const focused = items.findIndex((item) => item === document.activeElement);
		items.at((focused + step) % items.length)?.focus();
	} else if (event.key === "Tab") menu.hidePopover();
	else return;
	event.preventDefault();
}
