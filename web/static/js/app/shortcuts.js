// The keys that work everywhere; the list of all keys is in index.html.

import { currentRoute, navigate, chatPath } from "../base/router.js";
import { elementOf } from "../dom/elements.js";
import { showShortcuts } from "../dom/shortcuts.js";
import { sortedConversations } from "../state/conversations.js";

/** @type {Record<string, number>} with Alt, to the next conversation and the one before */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** @param {{ search: () => void }} actions */
export function startShortcuts({ search }) {
	document.addEventListener("keydown", (event) => {
		if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
		if (asksForSearch(event)) search();
		else if (event.key === "?" && !isWriting(event)) showShortcuts();
		else if (asksForNeighbour(event)) openNeighbour(STEPS[event.key]);
		else return;
		event.preventDefault();
	});
}

/** @param {Event} event */
const isWriting = (event) => Boolean(elementOf(event)?.matches("input, textarea, select"));

/**
 * Ctrl+K or ⌘K anywhere, and / where one does not write.
 * @param {KeyboardEvent} event
 */
function asksForSearch(event) {
	const { key, ctrlKey, metaKey } = event;
	if (key === "/") return !isWriting(event);
	return key === "k" && (ctrlKey || metaKey);
}

/** @param {KeyboardEvent} event */
const asksForNeighbour = ({ key, altKey, ctrlKey, metaKey }) => altKey && !ctrlKey && !metaKey && Boolean(STEPS[key]);

/** @param {number} step */
function openNeighbour(step) {
	const { name } = currentRoute();
	const partners = sortedConversations().map(({ partner }) => partner);
	const at = partners.findIndex(({ username }) => username === name);
	const next = at < 0 ? partners[0] : partners[at + step];
	if (next) navigate(chatPath(next));
}
