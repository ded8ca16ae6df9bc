// Menus, and dialogs that ask.

import { h, icon, listen, view } from "./dom.js";

/** `entries` are `[icon, label, run]`. */
export function openMenu(button, entries) {
	const menu = h("div.menu", { role: "menu", label: button.ariaLabel });
	const close = (back = true) => {
		stop();
		menu.remove();
		button.ariaExpanded = "false";
		if (back) button.focus({ preventScroll: true });
	};
	const stop = listen(document, "pointerdown scroll", ({ target }) => menu.contains(target) || close(false), true);
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
		else if (event.key === "Escape" || event.key === "Tab") close();
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	document.body.append(menu);
	const beside = button.getBoundingClientRect();
	const below = beside.bottom + menu.offsetHeight + 8 < innerHeight;
	menu.style.left = `${Math.max(8, Math.min(beside.left, innerWidth - menu.offsetWidth - 8))}px`;
	menu.style.top = `${below ? beside.bottom + 4 : beside.top - menu.offsetHeight - 4}px`;
	button.ariaExpanded = "true";
	menu.firstChild.focus();
}

/** Asks in a dialog; answers true, or the password it asks for, or "" for no. */
export function ask(title, text, confirm, withPassword = false) {
	const dialog = view("dialog");
	const { element, password, yes, cancel } = dialog;
	dialog.title.textContent = title;
	dialog.text.textContent = text;
	yes.textContent = confirm;
	password.required = withPassword;
	password.hidden = !withPassword;
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
