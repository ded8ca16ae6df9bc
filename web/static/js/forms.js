// Forms that show what is wrong where it is wrong.

import { h } from "./dom.js";

/** A labelled field. `props` are those of the input; `hint` stands beneath it. */
export function field(label, props, hint = "") {
  const id = `field-${props.name}`;
  const input = props.multiline ? h("textarea", { rows: 3, ...props, multiline: null, id }) : h("input", { ...props, id });
  input.setAttribute("aria-describedby", `${id}-note`);
  const note = h("p", { class: "field-note", id: `${id}-note`, text: hint, "data-hint": hint });
  return h("div", { class: "field" }, h("label", { for: id, text: label }), input, note);
}

/** A form; `submit(values)` may throw an ApiError, whose fields are then shown. Answers the form. */
export function form({ fields, button, submit, quiet = false }) {
  const status = h("p", { class: "form-status", role: "status" });
  const send = h("button", { class: `button ${quiet ? "quiet" : "primary"}`, text: button });
  const element = h("form", { class: "form", novalidate: true }, ...fields, send, status);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(element, status);
    const wrong = [...element.elements].find((input) => input.validity && !input.validity.valid);
    if (wrong) {
      blame(wrong, wrong.validationMessage);
      return;
    }
    send.disabled = true;
    try {
      status.textContent = (await submit(Object.fromEntries(new FormData(element)), element)) ?? "";
      status.className = "form-status done";
    } catch (error) {
      show(element, status, error);
    } finally {
      send.disabled = false;
    }
  });
  return element;
}

function clear(element, status) {
  status.textContent = "";
  status.className = "form-status";
  for (const note of element.querySelectorAll(".field-note")) note.textContent = note.dataset.hint;
  for (const input of element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

function blame(input, text) {
  input.setAttribute("aria-invalid", "true");
  document.getElementById(`${input.id}-note`).textContent = text;
  input.focus();
}

function show(element, status, error) {
  const named = Object.entries(error.fields ?? {}).filter(([name]) => element.elements[name]);
  named.reverse().forEach(([name, message]) => blame(element.elements[name], message));
  if (named.length) return;
  const wait = error.retryAfter ? ` Try again in ${Math.ceil(error.retryAfter / 60)} min.` : "";
  status.textContent = error.message + wait;
  status.className = "form-status wrong";
}
