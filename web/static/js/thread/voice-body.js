// What the bubble of a voice message holds: the controls, the transcript, and how far sending or transcribing is.

import { say } from "../base/sentences.js";
import { wordMatcher } from "../base/word-matching.js";
import { h } from "../dom/elements.js";
import { recordingControls } from "../voice/controls.js";
import { correctionForm } from "../voice/correction.js";
import { seek } from "../voice/player.js";
import { recordingOf } from "../voice/recordings.js";
import { isTimed, timedWords } from "../voice/timed-words.js";
import { transcript } from "../voice/transcript-view.js";

/** @import { Child, LoadedMessage, OutboxItem, RecordingSource } from "../page.js" */
/** @import { Entry, Item } from "./items.js" */
/** @import { RowActions } from "./row.js" */

/**
 * The recording of a voice message.
 * @param {Entry} entry
 * @returns {RecordingSource}
 */
function sourceOf({ message, waiting, clientId }) {
	return message ? recordingOf(message) : { key: String(clientId), blob: waiting?.blob };
}

/**
 * @param {Item} item
 * @param {RowActions} actions
 * @returns {Child}
 */
export function voiceBody({ entry, isHitWord }, actions) {
	const { message, waiting, text } = entry;
	const source = sourceOf(entry);
	if (!message) return [recordingControls(source), waiting && !waiting.error && sendingNote(waiting)];
	if (message.correcting) {
		return [recordingControls(source), correctionForm(message, source, actions.correction(message))];
	}
	const again = transcribeButton(message, actions);
	return [recordingControls(source), text && transcript(message, source, isHitWord), transcriptNote(message, again)];
}

/**
 * @param {string} text
 * @param {{ isWorking?: boolean }} [look]
 */
function note(text, { isWorking = false } = {}) {
	return h(isWorking ? "p.note.working" : "p.note", text);
}

/**
 * @param {LoadedMessage} message
 * @param {RowActions} actions
 */
function transcribeButton(message, actions) {
	return h(
		"button.link",
		{ onclick: () => actions.transcribe(message), "data-focus": "again" },
		say("transcript.again"),
	);
}

/**
 * How transcribing stands, where that is not plain from the transcript.
 * @param {LoadedMessage} message
 * @param {Child} again the button that asks for another attempt
 * @returns {Child}
 */
function transcriptNote(message, again) {
	const { status, text, transcribingAgain, failure } = message;
	if (transcribingAgain) return note(say("transcript.transcribingAgain"), { isWorking: true });
	if (text && status === "transcribing") return note(heardSoFar(message), { isWorking: true });
	if (text) return failure && note(`${say("transcript.failedAgain")} ${failure}`);
	if (status === "transcribing" || status === "accepted") return note(say("transcript.listening"), { isWorking: true });
	if (failure) return [note(`${say("transcript.failedAgain")} ${failure}`), again];
	if (status !== "untranscribed") return [note(say("transcript.noWords")), again];
	return [note(say("transcript.unclear")), again];
}

/** @param {LoadedMessage} message */
function heardSoFar({ seconds, duration }) {
	if (!seconds || !duration) return say("transcript.listeningOn");
	return say("transcript.listeningOnPart", { percent: Math.min(99, Math.round((seconds / duration) * 100)) });
}

/** @param {OutboxItem} item */
function sendingNote({ progress = null }) {
	const percent = Math.round((progress ?? 0) * 100);
	const uploading = percent < 100 ? say("thread.uploading", { percent }) : say("thread.sending");
	const text = progress === null ? say("thread.noNetwork") : uploading;
	return h("p.note.sending", { "--done": `${percent}%` }, text);
}

/**
 * Shows in its row how far an upload is, without making the row anew.
 * @param {HTMLElement} list
 * @param {OutboxItem} item
 */
export function showProgress(list, item) {
	list.querySelector(`[data-id="${item.clientId}"] .sending`)?.replaceWith(sendingNote(item));
}

/**
 * Moves the player to the first word that was searched for.
 * @param {LoadedMessage} message
 * @param {string} query
 */
export function seekWord(message, query) {
	const isWanted = wordMatcher(query, message.text);
	const word = timedWords(message).find((each) => isTimed(each) && isWanted(each.text));
	if (word && isTimed(word)) seek(recordingOf(message), word.start);
}
