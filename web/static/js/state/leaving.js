// What stays in this browser of who was signed in: nothing that others could read or hear.

import { DRAFTS } from "../base/stored.js";
import { me } from "../net/session.js";
import { keepHeardOnlyOf } from "./heard.js";
import { dropAllRecordings } from "./kept-recordings.js";
import { keepTextsOnlyOf } from "./offline.js";
import { discardAll } from "./outbox.js";

/**
 * Removes what is kept of others than this person: of everybody, when nobody is signed in. What they had not sent yet is
 * not among that: it goes when they are back, unless they log out themselves.
 * @param {string | null} owner
 */
export async function keepOnly(owner) {
	await Promise.allSettled([keepTextsOnlyOf(owner), keepHeardOnlyOf(owner)]);
}

/** Removes what I have not sent, when I log out or delete my account. */
export async function forgetUnsent() {
	const drafts = Object.keys(localStorage).filter((key) => key.startsWith(`${DRAFTS}${me()._id}.`));
	drafts.forEach((key) => localStorage.removeItem(key));
	await Promise.allSettled([discardAll(), dropAllRecordings()]);
}
