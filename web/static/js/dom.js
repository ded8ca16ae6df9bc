// Elements from data, menus and dialogs. Text is only ever set as text, never read as HTML.

/**
 * An element: `h("p.note", {title: "…", onclick: …}, "text", child)`. Functions become listeners, `--names` style
 * properties, `label` what screen readers say; null and false are left out.
 */
export function h(spec, props, ...children) {
	const [tag, ...classes] = spec.split(".");
	const element = document.createElement(tag);
	element.className = classes.join(" ");
	if (tag === "button") element.type = "button";
	if (props?.constructor === Object) for (const name in props) set(element, name, props[name]);
	else children.unshift(props);
	element.append(...children.flat(3).filter(Boolean));
	return element;
}

function set(element, name, value) {
	if (value === null || value === undefined || value === false) return;
	if (typeof value === "function") element[name] = value;
	else if (name.startsWith("--")) element.style.setProperty(name, value);
	else element.setAttribute(name === "label" ? "aria-label" : name, value);
}

export function fill(parent, ...children) {
	parent.replaceChildren(...children.flat().filter(Boolean));
	return parent;
}

/** Answers how to stop. */
export function listen(target, names, listener, options) {
	for (const name of names.split(" ")) target.addEventListener(name, listener, options);
	return () => names.split(" ").forEach((name) => target.removeEventListener(name, listener, options));
}

/** A copy of a template of the page: `{element, …}`, the rest by their `data-ref`. */
export function view(id) {
	const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
	const parts = { element };
	for (const part of element.querySelectorAll("[data-ref]")) parts[part.dataset.ref] = part;
	return parts;
}

export function icon(name) {
	const { element } = view("icon");
	element.classList.add(`icon-${name}`);
	element.firstChild.setAttribute("href", `#i-${name}`);
	return element;
}

export const spinner = () => h("span.spinner");

export function avatar(name) {
	let hue = 7;
	for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
	return h("span.avatar", { "aria-hidden": "true", "--hue": hue }, [...name.trim()][0]?.toLocaleUpperCase());
}

/** Words that `hit` are marked. */
export const marked = (text, hit) =>
	hit ? text.split(/(\s+)/).map((word) => (hit(word) ? h("mark", word) : word)) : [text];

export function linked(text, hit) {
	return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?')\]}])/i).map((part, index) => {
		const target = { href: part, target: "_blank", rel: "noopener noreferrer nofollow" };
		return index % 2 ? h("a", target, part) : marked(part, hit);
	});
}

export function announce(text) {
	const line = h("p", text);
	document.getElementById("announcer").append(line);
	setTimeout(() => line.remove(), 9_000);
}

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
