// What plays, above everything else wherever one goes: who speaks and what, with the buttons for it. It plays on through
// the voice messages that follow, and is there for the keyboard's and the headphones' keys.

import { on } from "../base/events.js";
import { chatPath } from "../base/router.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { fill } from "../dom/elements.js";
import { icon } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { me } from "../net/session.js";
import { historyWith } from "../state/histories.js";
import { person } from "../state/people.js";
import { recordingOf } from "../voice/recordings.js";
import * as player from "../voice/player.js";
import { sentenceAt } from "../voice/sentences.js";

/** @import { LoadedMessage } from "../page.js" */
/** @import { PlayerState } from "../voice/player.js" */

const STEP = 10; // seconds back and on

/** @param {{ senderId: string, receiverId: string }} message */
const partnerOf = ({ senderId, receiverId }) => (senderId === me()._id ? receiverId : senderId);

export class PlayerBar {
	/** @type {LoadedMessage | null} the one that is shown */
	#message = null;

	constructor() {
		this.parts = copyTemplate("player", {
			who: HTMLAnchorElement,
			said: HTMLElement,
			back: HTMLButtonElement,
			toggle: HTMLButtonElement,
			forward: HTMLButtonElement,
			faster: HTMLButtonElement,
			speed: HTMLElement,
			close: HTMLButtonElement,
		});
		this.element = this.parts.element;
		this.element.hidden = true;
	}

	start() {
		const { back, toggle, forward, faster, close } = this.parts;
		back.onclick = () => player.skip(-STEP);
		forward.onclick = () => player.skip(STEP);
		toggle.onclick = () => player.toggleCurrent();
		faster.onclick = player.nextSpeed;
		close.onclick = () => player.stop();
		on("player", () => this.#show());
		on("speed", () => this.#show());
		on("played", () => this.#playNext());
		this.#handleMediaKeys();
	}

	#show() {
		const { source, state } = player.current();
		const message = source?.message ?? null;
		if (message && state.playing) this.#begin(message);
		const isShown = message !== null && message._id === this.#message?._id;
		this.element.hidden = !isShown;
		if (isShown) this.#showState(message, state);
		else this.#message = null;
	}

	/**
	 * @param {LoadedMessage} message
	 * @param {Readonly<PlayerState>} state
	 */
	#showState(message, { time, playing }) {
		const { said, toggle, speed } = this.parts;
		said.textContent = sentenceAt(message, time) || say("message.voice");
		speed.textContent = String(player.playbackSpeed());
		const label = say(playing ? "player.pausePlayback" : "player.goOn");
		if (toggle.ariaLabel === label) return;
		toggle.ariaLabel = label;
		fill(toggle, icon(playing ? "pause" : "play"));
	}

	/** @param {LoadedMessage} message */
	#begin(message) {
		if (this.#message?._id === message._id) return;
		this.#message = message;
		const partner = person(partnerOf(message));
		const isMine = message.senderId === me()._id;
		const name = isMine ? say("app.you") : (partner?.username ?? "");
		this.parts.who.textContent = name;
		if (partner) this.parts.who.href = chatPath(partner, { at: message._id, query: "" });
		const { mediaSession } = navigator;
		if (mediaSession) mediaSession.metadata = new MediaMetadata({ title: name, artist: "Chattergram" });
	}

	#playNext() {
		const { source } = player.current();
		const next = source?.message ? nextVoice(source.message) : null;
		if (!next) return;
		announce(say("player.next"));
		player.play(recordingOf(next), 0);
	}

	#handleMediaKeys() {
		const { mediaSession } = navigator;
		if (!mediaSession) return;
		mediaSession.setActionHandler("play", () => player.toggleCurrent());
		mediaSession.setActionHandler("pause", () => player.pause());
		mediaSession.setActionHandler("stop", () => player.stop());
		mediaSession.setActionHandler("seekbackward", () => player.skip(-STEP));
		mediaSession.setActionHandler("seekforward", () => player.skip(STEP));
		mediaSession.setActionHandler("nexttrack", () => this.#playNext());
	}
}

/**
 * The next voice message of a conversation, as far as it is loaded.
 * @param {LoadedMessage} message
 */
function nextVoice(message) {
	const { messages } = historyWith(partnerOf(message));
	return messages.find(({ _id, audioFileId, deletedAt }) => _id > message._id && audioFileId && !deletedAt) ?? null;
}
