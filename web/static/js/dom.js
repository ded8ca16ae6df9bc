// Elements from data. Text is only ever set as text, never read as HTML.

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
	element.append(...children.flat(3).filter((child) => child || child === 0));
	return element;
}

function set(element, name, value) {
	if (value === null || value === undefined || value === false) return;
	if (typeof value === "function" || name === "value") element[name] = value;
	else if (name.startsWith("--")) element.style.setProperty(name, value);
	else element.setAttribute(name === "label" ? "aria-label" : name, value === true ? "" : value);
}

export function svg(tag, attributes, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const name in attributes) element.setAttribute(name, attributes[name]);
	element.append(...children);
	return element;
}

export function fill(parent, ...children) {
	parent.replaceChildren(...children.flat().filter(Boolean));
	return parent;
}

/** Listens to events, blank-separated; answers how to stop. */
export function listen(target, names, listener, options) {
	for (const name of names.split(" ")) target.addEventListener(name, listener, options);
	return () => names.split(" ").forEach((name) => target.removeEventListener(name, listener, options));
}

export const icon = (name) =>
	svg("svg", { class: `icon icon-${name}`, "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** A copy of a template of the page: `{element, …}`, the rest by their `data-ref`. */
export function view(id) {
	const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
	const parts = { element };
	for (const part of element.querySelectorAll("[data-ref]")) parts[part.dataset.ref] = part;
	return parts;
}

export const spinner = () => h("span.spinner");

export function avatar(name) {
	let hue = 7;
	for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
	return h("span.avatar", { "aria-hidden": "true", "--hue": hue }, [...name.trim()][0]?.toLocaleUpperCase());
}

/** The text with its web addresses as links, as a list of nodes. */
export function linked(text) {
	return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?')\]}])/i).map((part, index) => {
		const target = { href: part, target: "_blank", rel: "noopener noreferrer nofollow" };
		return index % 2 ? h("a", target, part) : part;
	});
}

/** Lets a screen reader say what can only be seen otherwise. */
export function announce(text) {
	const line = h("p", text);
	document.getElementById("announcer").append(line);
	setTimeout(() => line.remove(), 9_000);
}
