// Elements from data. Text is only ever set as text, never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `on` holds listeners, `style` custom properties, `class`, `text` and attributes the rest. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "text") element.textContent = value;
  else if (name === "value") element.value = value;
  else if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
  else if (name === "style") for (const [key, entry] of Object.entries(value)) element.style.setProperty(key, entry);
  else element.setAttribute(name, value === true ? "" : value);
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const PATHS = {
  mic: "M12 15a3.5 3.5 0 0 0 3.5-3.5v-5a3.5 3.5 0 0 0-7 0v5A3.5 3.5 0 0 0 12 15Zm7-3.5a7 7 0 0 1-14 0M12 18.5V22",
  send: "M5 12h14M13 6l6 6-6 6",
  play: "M8 5.5v13l10.5-6.5Z",
  pause: "M9 6v12M15 6v12",
  stop: "M7 7h10v10H7Z",
  trash: "M4 7h16M9 7V4.5h6V7m-8.5 0 1 12.5h9l1-12.5M10 11v5m4-5v5",
  edit: "M5 19l.8-3.8L16 5l3 3L8.8 18.2ZM14 7l3 3",
  retry: "M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm5-1.5L20.5 20.5",
  sliders: "M4 8h8m6 0h2M4 16h2m6 0h8M15 5.5v5M9 13.5v5",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm0-13v1.5m0 15V21M3 12h1.5m15 0H21M5.6 5.6l1.1 1.1m10.6 10.6 1.1 1.1m0-12.8-1.1 1.1M6.7 17.3l-1.1 1.1",
  back: "M14.5 5.5 8 12l6.5 6.5",
  down: "M6 9.5l6 6 6-6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5 7 17l9-9.5M11.5 16l1 1 9-9.5",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16Zm0-12.5V12l3 2",
  alert: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Zm0-13v5.5m0 2.8v.2",
  close: "M6 6l12 12M18 6 6 18",
  more: "M6 12v.1M12 12v.1M18 12v.1",
  pen: "M12 5v14M5 12h14",
  clip: "M18.5 11.5l-6.7 6.7a4 4 0 0 1-5.7-5.7l7.4-7.4a2.7 2.7 0 0 1 3.8 3.8l-7.3 7.3a1.3 1.3 0 0 1-1.9-1.9l6.3-6.3",
  wave: "M4 10v4M8 6.5v11M12 9v6M16 4.5v15M20 10v4",
};

export function icon(name, extra = "") {
  const path = svg("path", { d: PATHS[name] });
  return svg("svg", { class: `icon icon-${name} ${extra}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

/** A button with an icon; its label is for screen readers and the tooltip. */
export function iconButton(name, label, listener, extra = "") {
  const props = { type: "button", class: `icon-button ${extra}`, "aria-label": label, title: label };
  return h("button", { ...props, on: { click: listener } }, icon(name));
}

export function avatar(name, extra = "") {
  const letters = [...name.trim()].slice(0, 1).join("").toLocaleUpperCase();
  let hue = 7;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
  return h("span", { class: `avatar ${extra}`, "aria-hidden": "true", style: { "--hue": hue }, text: letters });
}

/** Puts `children` in place of what `parent` holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(Boolean));
  return parent;
}

const URLS = /https?:\/\/[^\s<>"]+/gi;

/** The text with its web addresses as links, as a list of nodes. */
export function linked(text) {
  const nodes = [];
  let done = 0;
  for (const found of text.matchAll(URLS)) {
    const address = found[0].replace(/[.,;:!?'")\]}]+$/, "");
    nodes.push(text.slice(done, found.index));
    nodes.push(h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow", text: address }));
    done = found.index + address.length;
  }
  nodes.push(text.slice(done));
  return nodes;
}

const live = () => document.getElementById("announcer");

/** Lets a screen reader say something that can only be seen otherwise. */
export function announce(text) {
  const region = live();
  const line = h("p", { text });
  region.append(line);
  while (region.childElementCount > 5) region.firstElementChild.remove();
  setTimeout(() => line.remove(), 10_000);
}
