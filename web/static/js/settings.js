// The settings of the person signed in, and of this browser.

import { api } from "./api.js";
import { emit } from "./bus.js";
import { h, icon } from "./dom.js";
import { field, form } from "./forms.js";
import { ask } from "./menu.js";
import * as notify from "./notify.js";
import { session, setMe, signedOut } from "./session.js";
import { setTheme, theme } from "./theme.js";

export function settingsPage() {
  return h(
    "section",
    { class: "settings", "aria-label": "Settings" },
    h("header", { class: "conversation-head" }, h("a", { href: "/", class: "icon-button back", "aria-label": "All conversations" }, icon("back")), h("h1", { text: "Settings" })),
    h("div", { class: "settings-body" }, profile(), appearance(), notifications(), password(), leaving()),
  );
}

function card(title, text, ...content) {
  return h("section", { class: "card" }, h("div", {}, h("h2", { text: title }), text && h("p", { text })), h("div", {}, ...content));
}

function profile() {
  const { username, bio } = session.me;
  const fields = [
    field("Name", { name: "username", value: username, required: true, maxlength: 64, autocomplete: "username", dir: "auto" }),
    field("About you", { name: "bio", value: bio ?? "", multiline: true, maxlength: 500, dir: "auto" }),
  ];
  const submit = async (values) => {
    setMe(await api.changeMe(values));
    emit("me");
    return "Saved";
  };
  return card("Profile", "What others see of you. Your e-mail address they never see.", form({ fields, button: "Save", submit }));
}

function password() {
  const fields = [
    field("Current password", { name: "currentPassword", type: "password", required: true, autocomplete: "current-password" }),
    field("New password", { name: "password", type: "password", required: true, minlength: 8, maxlength: 128, autocomplete: "new-password" }, "At least 8 characters."),
  ];
  const submit = async (values, element) => {
    await api.changeMe(values);
    const { user, token } = await api.logIn({ email: session.me.email, password: values.password });
    emit("new-token", { user, token });
    element.reset();
    return "Changed. Your other devices have to log in again.";
  };
  return card("Password", "Changing it logs you out everywhere else.", form({ fields, button: "Change password", submit }));
}

function appearance() {
  const choices = { system: "As the system", light: "Light", dark: "Dark" };
  const options = Object.entries(choices).map(([value, label]) => {
    const input = h("input", { type: "radio", name: "theme", value, checked: theme() === value, on: { change: () => setTheme(value) } });
    return h("label", {}, input, h("span", { text: label }));
  });
  return card("Appearance", "", h("fieldset", { class: "choice" }, h("legend", { class: "sr", text: "Theme" }), ...options));
}

function notifications() {
  const note = h("p", { class: "field-note", role: "status" });
  if (!notify.possible) note.textContent = "This browser does not offer them.";
  const toggle = h("input", { type: "checkbox", checked: notify.wanted(), disabled: !notify.possible });
  toggle.addEventListener("change", async () => {
    const asked = toggle.checked;
    toggle.checked = await notify.setWanted(asked);
    note.textContent = asked && !toggle.checked ? "The browser does not allow it. Its site settings for this page decide." : "";
  });
  const label = h("label", { class: "switch" }, toggle, h("span", { text: "Tell me about new messages" }));
  return card("Notifications", "Only while this page is open, in the background.", label, note);
}

function leaving() {
  const out = h("button", { type: "button", class: "button quiet", text: "Log out", on: { click: logOut } });
  const gone = h("button", { type: "button", class: "button danger", text: "Delete account", on: { click: deleteAccount } });
  return card("Leave", "Deleting your account removes your messages and recordings for everyone. It cannot be undone.", h("div", { class: "ways" }, out, gone));
}

async function logOut() {
  await api.logOut().catch(() => {});
  signedOut();
}

async function deleteAccount() {
  const answer = await ask({
    title: "Delete your account?",
    text: "Your messages, your recordings and your name will be gone at once, also for those you wrote to.",
    confirm: "Delete for ever",
    field: { type: "password", "aria-label": "Your password", autocomplete: "current-password" },
    danger: true,
  });
  if (!answer) return;
  try {
    await api.deleteMe(answer);
    signedOut("Your account is gone.");
  } catch (error) {
    await ask({ title: "It was not deleted", text: error.message, confirm: "All right" });
  }
}
