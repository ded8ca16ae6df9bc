// Menus, and dialogs that ask.

import { h, icon, view } from "./dom.js";

/** `entries` are `[icon, label, run]`. The browser places the popover, closes it, and gives the focus back. */
export function openMenu(button, entries) {
	const menu = h("div.menu", { role: "menu", label: button.ariaLabel, popover: "auto" });
	const close = () => menu.hidePopover();
	for (const [name, label, run] of entries) {
		const onclick = () => {
			close();
			run();
		};
		menu.append(h(`button.${name}`, { role: "menuitem", tabindex: -1, onclick }, icon(name), label));
	}
	menu.onkeydown = (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		const items = [...menu.children];
		if (step) items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
		else if (event.key === "Tab") close();
		else return;
		event.preventDefault();
	};
	menu.ontoggle = ({ newState }) => {
		button.ariaExpanded = newState === "open";
		if (newState === "closed") menu.remove();
	};
	document.body.append(menu);
	menu.showPopover({ source: button });
	menu.firstChild.focus();
}

/** Asks in a dialog; answers true, or the password it asks for, or false. `look`: `danger`, `primary`; `quiet` tells. */
export function ask(title, text, confirm, look = "primary", withPassword = false) {
	const { element, password, yes, cancel, ...parts } = view("dialog");
	parts.title.textContent = title;
	parts.text.textContent = text;
	yes.textContent = confirm;
	yes.classList.add(look);
	password.hidden = !(password.required = withPassword);
	cancel.hidden = look === "quiet";
	cancel.onclick = () => element.close();
	document.body.append(element);
	element.showModal();
	return new Promise((resolve) => {
		element.onclose = () => {
			element.remove();
			resolve(element.returnValue === "yes" && (withPassword ? password.value : true));
		};
	});
}
