// What is loaded when somebody wants it: the profile of the open conversation's partner, and what prints and saves a
// conversation.

import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { tell } from "../dom/dialog.js";
import { ApiError } from "../net/errors.js";

/** @import { Person } from "../wire.js" */

/**
 * Prints it by the browser's own key, since the browser itself would print only the rows near the view.
 * @param {KeyboardEvent} event
 * @param {Person} partner
 */
export function printByKey(event, partner) {
	const isWanted = event.key === "p" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
	if (!isWanted) return;
	event.preventDefault();
	announce(say("keep.printing"));
	print(partner).catch(({ message }) => tell(say("failure.notPrinted"), message));
}

/** @param {Person} partner */
async function print(partner) {
	const { printConversation } = await loadKeeping();
	await printConversation(partner, () => true);
}

/** @param {Person} partner */
export async function openProfile(partner) {
	const { showProfile } = await import("./profile.js").catch(unreachable);
	showProfile(partner);
}

/** @throws {ApiError} when the server cannot be reached */
export const loadKeeping = () => import("./keeping.js").catch(unreachable);

/** @returns {never} */
function unreachable() {
	throw new ApiError();
}
