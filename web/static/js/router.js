// Addresses: `/`, `/login`, `/signup`, `/settings`, `/chat/<name>?at=<message>&q=<words>`.

import { emit } from "./bus.js";

export function route() {
  const [, first = "", second = ""] = location.pathname.split("/");
  const query = new URLSearchParams(location.search);
  if (first === "chat" && second) {
    return { page: "chat", name: decoded(second), at: query.get("at"), query: query.get("q") ?? "" };
  }
  return { page: ["login", "signup", "settings"].includes(first) ? first : "home" };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function navigate(path, { replace = false } = {}) {
  const same = path === location.pathname + location.search;
  history[replace || same ? "replaceState" : "pushState"](null, "", path);
  emit("route");
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || /^\/(api|static)\//.test(link.getAttribute("href"))) return;
  event.preventDefault();
  navigate(link.getAttribute("href"));
});
window.addEventListener("popstate", () => emit("route"));
