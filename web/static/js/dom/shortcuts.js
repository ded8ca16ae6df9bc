// The list of keys.

import { openDialog } from "./dialog.js";
import { copyTemplate } from "./template.js";

/** Shows it; once, however often it is asked for. */
export function showShortcuts() {
	if (document.querySelector("dialog.shortcuts")) return;
	const { element, close } = copyTemplate("shortcuts", { close: HTMLButtonElement });
	openDialog(/** @type {HTMLDialogElement} */ (element), close);
}
