// Menus, and dialogs that ask.

import { h, icon } from "./dom.js";

let closeOpen = null;

/** A menu beside `button`; `entries` are `{label, icon, run, danger}`. */
export function openMenu(button, entries) {
  closeOpen?.();
  const menu = h("div", { class: "menu", role: "menu", "aria-label": button.getAttribute("aria-label") });
  for (const { label, icon: name, run, danger } of entries) {
    const props = { type: "button", role: "menuitem", tabindex: -1, class: danger ? "danger" : "" };
    const choose = () => {
      close();
      run();
    };
    menu.append(h("button", { ...props, on: { click: choose } }, icon(name), label));
  }
  const outside = (event) => menu.contains(event.target) || close(false);
  function close(giveBack = true) {
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("scroll", outside, true);
    closeOpen = null;
    if (giveBack) button.focus();
  }
  menu.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const items = [...menu.children];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key in steps) {
      const next = (items.indexOf(document.activeElement) + steps[event.key] + items.length) % items.length;
      items[next].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("scroll", outside, true);
  closeOpen = close;
  menu.firstElementChild.focus();
}

function place(menu, beside) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.min(Math.max(8, beside.right - width), innerWidth - width - 8);
  const below = beside.bottom + height + 8 < innerHeight;
  menu.style.left = `${left}px`;
  menu.style.top = `${below ? beside.bottom + 4 : Math.max(8, beside.top - height - 4)}px`;
}

/** Asks in a dialog; answers false, or what `field` holds (true without one). */
export function ask({ title, text, confirm, field = null, danger = false }) {
  return new Promise((resolve) => {
    const input = field && h("input", { ...field, id: "dialog-field", required: true });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title", text: title }),
      h("p", { text }),
      input && h("label", { for: "dialog-field", text: field["aria-label"] }),
      input,
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { type: "button", class: "button quiet", on: { click: () => dialog.close() } }, "Cancel"),
        h("button", { class: `button ${danger ? "danger" : "primary"}`, value: "yes" }, confirm),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" && (input ? input.value : true));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
