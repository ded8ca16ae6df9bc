// What those see who are not signed in: what this is, sign-up, log-in.

import { api } from "./api.js";
import { h, icon, svg } from "./dom.js";
import { field, form } from "./forms.js";
import { navigate } from "./router.js";
import { signedIn } from "./session.js";

const SAID = "Running ten minutes late, the tram stopped. Order me a coffee, and read this instead of listening.".split(" ");
const WORD_MS = 330;
const BARS = [3, 6, 11, 8, 14, 17, 9, 5, 12, 18, 15, 7, 4, 9, 16, 13, 6, 10, 17, 12, 5, 8, 14, 9, 4, 11, 16, 10, 6, 3];

export function wordmark(tag = "span") {
  return h(tag, { class: "wordmark" }, icon("wave"), "Chattergram");
}

function page(...content) {
  return h("main", { class: "welcome", id: "main" }, h("header", {}, h("a", { href: "/", "aria-label": "Chattergram, home" }, wordmark())), ...content);
}

export function landing() {
  const demo = demonstration();
  return page(
    h(
      "div",
      { class: "landing" },
      h(
        "div",
        { class: "pitch" },
        h("h1", {}, "Say it aloud. ", h("em", { text: "They read it." })),
        h("p", {
          class: "lead",
          text: "Chattergram writes down what you say. Speak when your hands are full, read when it is too loud, search for every word ever spoken, and listen from exactly that word on.",
        }),
        h(
          "p",
          { class: "ways" },
          h("a", { href: "/signup", class: "button primary" }, "Create an account"),
          h("a", { href: "/login", class: "button quiet" }, "Log in"),
        ),
      ),
      demo,
    ),
  );
}

/** A voice message that reads itself; it stands still for those who want less motion. */
function demonstration() {
  const words = SAID.map((word) => h("span", { class: "word", text: word }));
  const path = BARS.map((bar, index) => `M${index * 8 + 4} ${20 - bar}v${bar * 2}`).join("");
  const box = { viewBox: `0 0 ${BARS.length * 8} 40`, preserveAspectRatio: "none" };
  const wave = svg("svg", box, svg("path", { d: path, class: "bars" }), svg("path", { d: path, class: "bars played" }));
  const text = h("p", { class: "transcript" });
  words.forEach((word, index) => text.append(index ? " " : "", word));
  const controls = h("div", { class: "controls touched" }, h("span", { class: "play" }, icon("pause")), h("div", { class: "wave" }, wave), h("span", { class: "clock", text: "0:07" }));
  const bubble = h("div", { class: "bubble voice" }, controls, text);
  const element = h("figure", { class: "demo", "aria-label": "A voice message with its transcript", role: "img" }, bubble);
  let at = 5;
  const light = () => {
    words.forEach((word, index) => word.classList.toggle("lit", index === at));
    controls.style.setProperty("--played", `${((at + 1) / words.length) * 100}%`);
  };
  light();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    const timer = setInterval(() => {
      if (!element.isConnected) clearInterval(timer);
      at = (at + 1) % words.length;
      light();
    }, WORD_MS);
  }
  return element;
}

const EMAIL = { name: "email", type: "email", autocomplete: "email", required: true };
const NEW_PASSWORD = { name: "password", type: "password", autocomplete: "new-password", required: true, minlength: 8, maxlength: 128 };

export function signUp() {
  const fields = [
    field("Name", { name: "username", autocomplete: "username", required: true, maxlength: 64 }, "This is how others find you."),
    field("E-mail", EMAIL, "Nobody else sees it."),
    field("Password", NEW_PASSWORD, "At least 8 characters."),
  ];
  return door("Create an account", form({ fields, button: "Sign up", submit: (values) => enter(api.signUp(values)) }), [
    "Have one already? ",
    h("a", { href: "/login" }, "Log in"),
  ]);
}

export function logIn(reason = "") {
  const fields = [
    field("E-mail", EMAIL),
    field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true }),
  ];
  return door("Log in", form({ fields, button: "Log in", submit: (values) => enter(api.logIn(values)) }), [
    "New here? ",
    h("a", { href: "/signup" }, "Create an account"),
  ], reason);
}

function door(title, content, other, reason = "") {
  const notice = h("p", { class: "reason", role: "status", text: reason });
  return page(h("div", { class: "door" }, h("h1", { text: title }), reason ? notice : null, content, h("p", { class: "other" }, ...other)));
}

async function enter(answer) {
  signedIn(await answer);
  const next = new URLSearchParams(location.search).get("next");
  navigate(next?.startsWith("/") && !next.startsWith("//") ? next : "/", { replace: true });
}

