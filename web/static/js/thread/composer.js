// Where one writes, records, attaches a recording, and edits what was sent.

import { isBlank } from "../base/characters.js";
import { spokenLanguage } from "../base/languages.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { isTouched } from "../dom/elements.js";
import { fitHeight } from "../dom/fit-height.js";
import { editMessage } from "../net/api.js";
import * as socket from "../net/socket.js";
import { draftFor, dropDraft, followDraft, keepDraft } from "../state/drafts.js";
import { enqueue } from "../state/outbox.js";
import { isRecording } from "../voice/file-kinds.js";
import { handleMicrophoneButton } from "./hold-to-record.js";
import { Recorder } from "./recorder.js";

/** @import { Content, LoadedMessage } from "../page.js" */
/** @import { Person } from "../wire.js" */

const LONGEST = 4_000; // characters
const SPOKEN_A_SECOND = 60; // characters; a transcript may be as long as what was said
const WARN_FROM = 200; // characters before the end
const TYPING_EVERY = 3_000; // milliseconds

/** The parts of the template `conversation` that are the composer's. */
export const COMPOSER_PARTS = {
	form: HTMLFormElement,
	line: HTMLElement,
	input: HTMLTextAreaElement,
	send: HTMLButtonElement,
	mic: HTMLButtonElement,
	attach: HTMLButtonElement,
	file: HTMLInputElement,
	note: HTMLElement,
	undo: HTMLElement,
	undoDiscard: HTMLButtonElement,
	bar: HTMLElement,
	editing: HTMLElement,
	stop: HTMLButtonElement,
};

/** @typedef {{ [Name in keyof typeof COMPOSER_PARTS]: InstanceType<(typeof COMPOSER_PARTS)[Name]> }} Parts */

export class Composer {
	/** @type {LoadedMessage | null} the message that is being edited */
	#edited = null;
	#typingSentAt = 0;

	/**
	 * @param {Parts} parts
	 * @param {Person} partner
	 * @param {{ onSent: () => void, onEditLast: () => void }} listeners
	 */
	constructor(parts, partner, { onSent, onEditLast }) {
		this.parts = parts;
		this.partner = partner;
		this.onSent = onSent;
		this.onEditLast = onEditLast;
		this.recorder = new Recorder(parts, partner, {
			send: (content) => this.#enqueue({ name: "voice", language: spokenLanguage(), ...content }),
			refused: (why) => this.#refuse(why),
		});
		this.#listen();
		this.stopEditing();
		this.stopFollowing = followDraft(partner._id, (text) => {
			if (!this.#edited) this.#setText(text);
		});
		this.recorder.startOffering();
	}

	#listen() {
		const { form, input, stop, attach, file, mic } = this.parts;
		form.onsubmit = (event) => {
			event.preventDefault();
			this.#submit();
		};
		input.oninput = () => this.#typed();
		input.onkeydown = (event) => this.#control(event);
		stop.onclick = () => this.stopEditing();
		attach.onclick = () => file.click();
		file.onchange = () => this.attach([...(file.files ?? [])]);
		input.onpaste = (event) => this.#pasted(event);
		handleMicrophoneButton(mic, this.recorder);
	}

	showName() {
		this.parts.input.ariaLabel = say("thread.messageTo", { name: this.partner.username });
	}

	/** @param {LoadedMessage} message */
	edit(message) {
		this.#edited = message;
		this.parts.bar.hidden = false;
		this.parts.editing.textContent = say(message.audioFileId ? "transcript.correct" : "thread.editing");
		this.#labelSend(say("app.save"));
		this.#setText(message.text);
		this.parts.input.focus();
	}

	stopEditing() {
		this.#edited = null;
		this.parts.bar.hidden = true;
		this.#labelSend(say("thread.send"));
		this.#setText(draftFor(this.partner._id));
	}

	/** @param {string} label */
	#labelSend(label) {
		this.parts.send.ariaLabel = label;
		this.parts.send.title = label;
	}

	/** @param {string} text */
	#setText(text) {
		this.parts.input.value = text;
		this.#textChanged();
	}

	#textChanged() {
		const { form, send, note, input } = this.parts;
		const length = isBlank(input.value) ? 0 : [...input.value.trim()].length;
		const mayBeEmpty = Boolean(this.#edited?.audioFileId);
		if (!CSS.supports("field-sizing: content")) fitHeight(input);
		form.classList.toggle("has-text", length > 0 || this.#edited !== null);
		const longest = longestText(this.#edited);
		send.disabled = length > longest || (length === 0 && !mayBeEmpty);
		note.textContent = length > longest - WARN_FROM ? say("thread.length", { length, longest }) : "";
	}

	#typed() {
		this.#textChanged();
		if (this.#edited) return;
		keepDraft(this.partner._id, this.parts.input.value);
		this.#tellTyping();
	}

	#tellTyping() {
		const isDue = this.parts.input.value !== "" && Date.now() - this.#typingSentAt > TYPING_EVERY;
		if (!isDue) return;
		const wasSent = socket.send({ type: "typing", receiverId: this.partner._id });
		if (wasSent) this.#typingSentAt = Date.now();
	}

	/** @param {KeyboardEvent} event */
	#control(event) {
		const { key, isComposing, shiftKey, altKey } = event;
		// Enter chooses a word of the input method; with Alt, arrows lead to other conversations.
		if (isComposing || altKey) return;
		const isEnter = key === "Enter" && !shiftKey && !isTouched();
		if (isEnter) this.parts.form.requestSubmit();
		else if (key === "Escape" && this.#edited) this.stopEditing();
		else if (key === "ArrowUp" && this.#isEmpty()) this.onEditLast();
		else return;
		event.preventDefault();
	}

	#isEmpty() {
		return this.parts.input.value === "" && !this.#edited;
	}

	#submit() {
		const text = this.parts.input.value.trim();
		if (this.parts.send.disabled) return;
		if (this.#edited) this.#save(this.#edited, text);
		else this.#send(text);
	}

	/** @param {string} text */
	#send(text) {
		dropDraft(this.partner._id);
		this.#setText("");
		this.#typingSentAt = 0;
		this.#enqueue({ text });
	}

	/** @param {Content} content */
	#enqueue(content) {
		const kept = enqueue(this.partner._id, content);
		this.onSent();
		return kept;
	}

	/**
	 * @param {LoadedMessage} message
	 * @param {string} text
	 */
	async #save(message, text) {
		const { send, note } = this.parts;
		send.disabled = true;
		try {
			if (text !== message.text) await editMessage(message._id, text);
			this.stopEditing();
			announce(say("app.saved"));
		} catch (error) {
			send.disabled = false;
			note.textContent = /** @type {Error} */ (error).message;
		}
	}

	/** @param {Iterable<File>} files chosen, dropped or pasted */
	attach(files) {
		const { file, note } = this.parts;
		const [chosen] = files;
		file.value = ""; // so that the same file can be chosen again
		if (!chosen) return;
		note.textContent = "";
		if (isRecording(chosen)) this.#enqueue({ blob: chosen, name: chosen.name });
		else this.#refuse(say("thread.notRecording", { name: chosen.name }));
	}

	/** @param {ClipboardEvent} event */
	#pasted(event) {
		const files = event.clipboardData?.files ?? [];
		if (!files.length) return;
		event.preventDefault();
		this.attach(files);
	}

	/** @param {string} why */
	#refuse(why) {
		this.parts.note.textContent = why;
		announce(why);
	}

	/** Nobody sends what they walked away from, or loses it: it is there when they come back. */
	leave() {
		this.stopFollowing();
		this.recorder.leave();
	}
}

/**
 * How many characters may be written: the limit for what is typed does not bind what was spoken.
 * @param {LoadedMessage | null} edited
 */
function longestText(edited) {
	if (!edited?.audioFileId) return LONGEST;
	const heard = (edited.words ?? []).reduce((sum, { word }) => sum + [...word].length + 1, 0);
	const unedited = edited.editedAt ? 0 : [...edited.text].length;
	return LONGEST + Math.max(heard, unedited, Math.floor((edited.duration ?? 0) * SPOKEN_A_SECOND));
}
