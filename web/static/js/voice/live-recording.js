// What a recording has while it travels: the words that are heard in it, and the ways to correct it, go on with it and cut
// off its end. Browsers load this module, and those that only it imports, when somebody begins to record.

import { on } from "../base/events.js";
import { spokenLanguage } from "../base/languages.js";
import { say } from "../base/sentences.js";
import { sharesWords } from "../base/sharing.js";
import { fill, h } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import * as socket from "../net/socket.js";
import { Journey } from "../state/journey.js";
import { noteOn, textToSend } from "./heard-text.js";
import { HeardWords } from "./heard-words.js";
import { Review } from "./review.js";
import { canGoOn, completeSize, Continuation, endOf, sizeUntil, WholeElements } from "./webm.js";

/** @import { Content } from "../page.js" */
/** @import { Captions, Message } from "../wire.js" */
/** @import { MadeRecording, Recording } from "../state/recording.js" */

const WORDS_DUE = 8_000; // milliseconds of speech after which nobody seems to listen: they follow so many at once, not more
const TELL_EVERY = 3_000; // milliseconds; the other side forgets it after twice that

export class LiveRecording {
	/** @type {Journey} */
	#journey;
	/** @type {Review | null} while it is stopped */
	#review = null;
	#telling = 0;
	#wordsDue = 0;
	#areWordsLate = false;

	/**
	 * @param {Recording} recording
	 * @param {string} name of whom it is for
	 * @param {boolean} isGrowing whether it is just being made
	 * @param {() => Promise<void>} leave closes its panel
	 */
	constructor(recording, name, isGrowing, leave) {
		this.recording = recording;
		this.leave = leave;
		this.words = new HeardWords();
		this.note = h("p.note.heard-note", { role: "status" });
		this.shared = sharesWords() ? h("p.note.heard-note", icon("seen"), say("record.shared", { name })) : null;
		this.element = h("div.heard");
		this.stops = [
			on("frame:captions", (captions) => this.#hear(captions)),
			on("frame:messages", (message) => this.#noteSent(message)),
			on("connection", () => this.#showNote()),
		];
		this.#journey = this.#makeJourney();
		this.#depart(isGrowing);
	}

	/** @param {boolean} isGrowing */
	async #depart(isGrowing) {
		if (isGrowing) await this.recording.pass(new WholeElements());
		this.#journey.start();
	}

	#makeJourney() {
		return new Journey(this.recording, {
			filename: "voice",
			receiverId: this.recording.whose.partnerId,
			language: spokenLanguage(),
			share: sharesWords() ? "true" : "",
		});
	}

	/** The microphone listens. */
	resume() {
		this.pause();
		this.#review = null;
		this.#tell();
		this.#telling = setInterval(() => this.#tell(), TELL_EVERY);
		this.#wordsDue ||= setTimeout(() => this.#missWords(), WORDS_DUE);
		this.#show();
	}

	/** The microphone does not listen. */
	pause() {
		clearInterval(this.#telling);
	}

	#missWords() {
		this.#areWordsLate = true;
		this.#showNote();
	}

	#tell() {
		socket.send({ type: "typing", receiverId: this.recording.whose.partnerId, recording: true });
	}

	/**
	 * @param {MadeRecording} made
	 * @param {() => void} goOn
	 */
	review(made, goOn) {
		this.pause();
		this.#journey.pause();
		this.#review = new Review(this.recording, made, canGoOn(this.recording.type) ? goOn : null);
		fill(this.element, this.#review.element, this.note);
	}

	/** @param {Captions} captions */
	#hear(captions) {
		const { heard, id } = this.recording.notes;
		if (captions._id !== id) return;
		if (captions.settled === heard?.settled) this.recording.notes.heard = captions;
		else this.recording.note({ heard: captions }); // what is settled is kept over a reload
		this.#review?.draw();
		if (this.#review) this.#showNote();
		else this.#show();
	}

	/**
	 * Another device of the same person has sent it: it goes here, unless there is more of it than was sent.
	 * @param {Message} message
	 */
	async #noteSent({ audioFileId }) {
		const { recording } = this;
		const { id, offset } = recording.notes;
		if (id === null || audioFileId !== id || !this.#review || recording.blob.size > offset) return;
		await this.leave();
		await recording.drop();
	}

	#show() {
		const { heard, correction } = this.recording.notes;
		const hasWords = Boolean(heard?.text || correction);
		if (heard) this.words.show(heard);
		fill(this.element, hasWords && this.words.element, this.shared, this.note);
		this.#showNote();
	}

	#showNote() {
		const key = noteOn(this.recording.notes, socket.isConnected(), this.#areWordsLate);
		this.note.textContent = key && say(key);
	}

	/**
	 * What follows is appended to the recording, without the end that is cut off. Returns how many seconds it has.
	 * @returns {Promise<number>}
	 */
	async goOn() {
		const { recording } = this;
		const { cutAt } = recording.notes;
		if (cutAt !== null) await this.#cutOff(await this.#sizeUntil(cutAt), cutAt);
		const bytes = new Uint8Array(await recording.blob.arrayBuffer());
		const size = completeSize(bytes);
		if (size < bytes.length) await this.#cutOff(size, recording.seconds); // it broke off before it could travel
		recording.keepAgain(); // it may have been begun elsewhere
		const end = endOf(bytes);
		recording.goOn(new Continuation(end));
		return end / 1_000;
	}

	/**
	 * @param {number} size bytes that are left
	 * @param {number} seconds
	 */
	async #cutOff(size, seconds) {
		this.#journey.stop();
		await this.recording.cutOff(size, seconds);
		this.#journey = this.#makeJourney();
		this.#journey.start();
	}

	/** @param {number} seconds */
	async #sizeUntil(seconds) {
		const { blob, type } = this.recording;
		if (!canGoOn(type)) return this.recording.sizeUntil(seconds);
		return sizeUntil(new Uint8Array(await blob.arrayBuffer()), seconds * 1_000);
	}

	/** What has been corrected and not saved is saved. */
	saveCorrection() {
		this.#review?.saveCorrection();
	}

	/**
	 * What is sent of it. From now on, that is the outbox's work.
	 * @returns {Promise<Content>}
	 */
	async send() {
		const { id, offset, heard, correction, cutAt } = this.recording.notes;
		const { blob, type, seconds } = this.recording;
		const text = heard && (this.#review || correction) && textToSend(heard, correction, cutAt ?? seconds);
		const corrected = text === null ? {} : { text };
		const sent = cutAt === null ? blob : blob.slice(0, await this.#sizeUntil(cutAt), type);
		return { blob: sent, ...corrected, ...(id !== null && { travelled: { id, offset, cutAt } }) };
	}

	/** It is about to be sent, with all that has not travelled yet. */
	rest() {
		return this.#journey.rest();
	}

	/** Nothing more happens to it here. */
	end() {
		this.pause();
		clearTimeout(this.#wordsDue);
		this.#journey.stop();
		for (const stop of this.stops) stop();
	}
}
