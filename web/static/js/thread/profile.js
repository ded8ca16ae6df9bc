// The profile of the open conversation's partner: who they are, what one can do with the conversation, and what was spoken.

import { emit } from "../base/events.js";
import { lastSeen } from "../base/phrases.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { openDialog, tell } from "../dom/dialog.js";
import { fill } from "../dom/elements.js";
import { avatar, icon } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { isMuted, setMuted } from "../state/muting.js";
import { loadKeeping } from "./opened-later.js";
import { SpokenList } from "./spoken-list.js";

/** @import { Person } from "../wire.js" */

/** @param {Person} partner */
export function showProfile(partner) {
	const profile = new Profile(partner);
	openDialog(profile.dialog, profile.parts.close, () => profile.closed());
	profile.spoken.showMore();
}

class Profile {
	#isOpen = true;

	/** @param {Person} partner */
	constructor(partner) {
		this.partner = partner;
		this.parts = copyTemplate("profile", {
			close: HTMLButtonElement,
			face: HTMLElement,
			name: HTMLElement,
			state: HTMLElement,
			bio: HTMLElement,
			search: HTMLButtonElement,
			mute: HTMLButtonElement,
			muteLabel: HTMLElement,
			muteIcon: HTMLElement,
			print: HTMLButtonElement,
			save: HTMLButtonElement,
			progress: HTMLElement,
			spoken: HTMLElement,
			spokenNote: HTMLElement,
			older: HTMLButtonElement,
		});
		this.dialog = /** @type {HTMLDialogElement} */ (this.parts.element);
		this.spoken = new SpokenList(this.parts, partner);
		this.#showPerson();
		this.#showMute();
		this.#listen();
	}

	#listen() {
		const { search, mute, print, save, spoken } = this.parts;
		search.onclick = () => {
			this.dialog.close();
			emit("search-within", this.partner);
		};
		mute.onclick = () => this.#toggleMute();
		print.onclick = () => this.#keep("printConversation");
		save.onclick = () => this.#keep("downloadConversation");
		spoken.onclick = (event) => {
			if (event.target instanceof Element && event.target.closest("a")) this.dialog.close();
		};
	}

	closed() {
		this.#isOpen = false;
	}

	#showPerson() {
		const { face, name, state, bio } = this.parts;
		fill(face, avatar(this.partner.username));
		name.textContent = this.partner.username;
		state.textContent = lastSeen(this.partner);
		state.classList.toggle("online", Boolean(this.partner.online));
		bio.textContent = this.partner.bio ?? "";
	}

	#showMute() {
		const { mute, muteLabel, muteIcon } = this.parts;
		const isMutedNow = isMuted(this.partner._id);
		mute.ariaPressed = String(isMutedNow);
		muteLabel.textContent = say(isMutedNow ? "profile.muted" : "profile.mute");
		fill(muteIcon, icon(isMutedNow ? "muted" : "bell"));
	}

	async #toggleMute() {
		const isWanted = !isMuted(this.partner._id);
		const changing = setMuted(this.partner._id, isWanted);
		this.#showMute();
		try {
			await changing;
			announce(say(isWanted ? "profile.muted" : "profile.notMuted"));
		} catch (error) {
			this.#showMute();
			await tell(say("failure.notChanged"), /** @type {Error} */ (error).message);
		}
	}

	/**
	 * Reads the whole conversation and prints or saves it, unless the profile is closed meanwhile.
	 * @param {"printConversation" | "downloadConversation"} way
	 */
	async #keep(way) {
		const { progress, print, save } = this.parts;
		const showProgress = (/** @type {number} */ count) => {
			progress.textContent = say("profile.reading", { count });
			return this.#isOpen;
		};
		for (const button of [print, save]) button.disabled = true;
		try {
			const keeping = await loadKeeping();
			await keeping[way](this.partner, showProgress);
			progress.textContent = "";
		} catch (error) {
			progress.textContent = /** @type {Error} */ (error).message;
		}
		for (const button of [print, save]) button.disabled = false;
	}
}
