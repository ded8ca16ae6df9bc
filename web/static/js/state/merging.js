// What a frame changes of a message that is loaded. Frames may come late or twice: a status never goes back, a deletion
// is never undone, and an older edit never wins.

import { say } from "../base/sentences.js";

/** @import { Key } from "../base/sentences.js" */
/** @import { LoadedMessage } from "../page.js" */
/** @import { Message, MessageChange, Status } from "../wire.js" */

/** @type {Record<Status, number>} */
const RANK = { accepted: 1, transcribing: 2, untranscribed: 3, delivered: 4, read: 5 };

/** @type {Map<string, Key>} why a recording was not transcribed, by the code that the server gives */
const FAILURES = new Map([
	["too_many_attempts", "transcript.tooManyAttempts"],
	["language_not_known", "transcript.languageNotKnown"],
	["recording_damaged", "transcript.damaged"],
	["transcription_unavailable", "transcript.unavailable"],
]);

/**
 * A status of a message, rather than the name of a change to one.
 * @param {string} status
 * @returns {status is Status}
 */
export const isStatus = (status) => status in RANK;

/**
 * @param {Message | MessageChange} message
 * @returns {LoadedMessage}
 */
export function load(message) {
	const { dateSent } = message;
	const own = {
		at: Date.parse(dateSent),
		version: 1,
		failure: null,
		transcribingAgain: false,
		correcting: false,
	};
	return /** @type {LoadedMessage} */ ({ ...message, ...own });
}

/**
 * Merges a message, or a change of one, into what is known of it. Returns whether that changed anything.
 * @param {LoadedMessage} known
 * @param {Message | MessageChange} incoming
 */
export function merge(known, incoming) {
	const before = JSON.stringify(known);
	if (incoming.status === "failed") noteFailure(known, incoming.code);
	else if (incoming.status === "deleted" || !isStale(known, incoming)) replaceFields(known, incoming);
	const changed = JSON.stringify(known) !== before;
	if (changed) known.version += 1;
	return changed;
}

/**
 * @param {LoadedMessage} known
 * @param {string | null} [code] of the reason
 */
function noteFailure(known, code) {
	known.failure = say(FAILURES.get(code ?? "") ?? "transcript.unclear");
	known.transcribingAgain = false;
}

/**
 * @param {LoadedMessage} known
 * @param {Message | MessageChange} incoming
 */
function isStale(known, incoming) {
	if (incoming.status === "transcribing" && isBehind(known, incoming)) return true;
	if (known.deletedAt && !incoming.deletedAt) return true;
	return (known.editedAt ?? "") > (incoming.editedAt ?? "");
}

/**
 * Whether more of a recording is written down already.
 * @param {LoadedMessage} known
 * @param {Message | MessageChange} incoming
 */
function isBehind(known, { seconds }) {
	return RANK[known.status] > RANK.transcribing || (known.seconds ?? 0) > (seconds ?? 0);
}

/**
 * @param {LoadedMessage} known
 * @param {Message | MessageChange} incoming
 */
function replaceFields(known, incoming) {
	const { status, ...fields } = /** @type {MessageChange} */ (incoming);
	Object.assign(known, fields);
	if (fields.deletedAt) {
		delete known.words;
		delete known.editedAt;
	}
	if (status === "edited") noteTranscript(known, Boolean(fields.words));
	else if (isStatus(status) && RANK[status] > RANK[known.status]) known.status = status;
	if (known.status !== "transcribing") delete known.seconds;
}

/**
 * An edit may be the transcript that a second attempt has brought.
 * @param {LoadedMessage} known
 * @param {boolean} hasWords
 */
function noteTranscript(known, hasWords) {
	known.transcribingAgain = false;
	known.failure = null;
	if (hasWords && known.status === "untranscribed") known.status = "delivered";
}
