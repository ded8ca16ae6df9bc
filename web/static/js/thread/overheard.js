// What somebody is saying who lets me read along, above the text box of their conversation until their message comes.

import { on } from "../base/events.js";
import { say } from "../base/sentences.js";
import { h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { person } from "../state/people.js";
import { HeardWords } from "../voice/heard-words.js";

/** @import { Captions } from "../wire.js" */

const SILENCE = 12_000; // milliseconds without another word after which it is taken away

/** @type {{ id: string, senderId: string, words: HeardWords, element: HTMLElement } | null} */
let shown = null;
/** @type {ReturnType<typeof setTimeout> | null} */
let timer = null;
let over = ""; // the recording that became a message last; a late frame does not bring it back

/** @param {Captions} captions */
export function showSpeaking(captions) {
	const { _id, senderId = "" } = captions;
	if (over === _id) return;
	if (shown?.id !== _id || !shown.element.isConnected) open(_id, senderId);
	shown?.words.show(captions);
	if (timer !== null) clearTimeout(timer);
	timer = setTimeout(close, SILENCE);
}

/**
 * @param {string} id
 * @param {string} senderId
 */
function open(id, senderId) {
	close();
	const words = new HeardWords();
	const label = say("record.speaks", { name: person(senderId)?.username ?? "" });
	const element = h("section.overheard", { label }, h("p.note", icon("mic"), label), words.element);
	document.querySelector(".composer")?.before(element);
	shown = { id, senderId, words, element };
}

function close() {
	shown?.element.remove();
	shown = null;
}

on("incoming", ({ message }) => {
	over = message.audioFileId ?? over;
	if (message.senderId === shown?.senderId) close();
});
