// Addresses: `/`, `/login`, `/signup`, `/settings`, `/chat/<name>?at=<message>&q=<words>`.

import { emit } from "./bus.js";

export function route() {
	const [, page, name] = location.pathname.split("/");
	const query = new URLSearchParams(location.search);
	if (page !== "chat" || !name) return { page };
	return { page, name: decoded(name), at: query.get("at"), query: query.get("q") ?? "" };
}

function decoded(name) {
	try {
		return decodeURIComponent(name);
	} catch {
		return name; // typed by hand
	}
}

export function navigate(path, replace = path === location.pathname + location.search) {
	history[replace ? "replaceState" : "pushState"](null, "", path);
	emit("route");
}

document.addEventListener("click", (event) => {
	const path = event.target.closest?.("a[href^='/'], .skip")?.getAttribute("href");
	const { metaKey, ctrlKey, shiftKey, altKey, button } = event;
	if (!path || metaKey || ctrlKey || shiftKey || altKey || button) return;
	event.preventDefault();
	if (path[0] === "#") document.querySelector(path).focus();
	else navigate(path);
});
window.addEventListener("popstate", () => emit("route"));
