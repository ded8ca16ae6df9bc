// Whom the open conversation is with: the name, the text they wrote about themselves, and whether they are there.

import { lastSeen } from "../base/phrases.js";
import { say } from "../base/sentences.js";
import { tell } from "../dom/dialog.js";
import { fill } from "../dom/elements.js";
import { avatar } from "../dom/icons.js";
import { isConnected } from "../net/socket.js";
import { conversationWith } from "../state/conversations.js";
import { isMuted, lookWhetherMuted } from "../state/muting.js";
import { activityOf } from "../state/people.js";
import { openProfile } from "./opened-later.js";

/** @import { Person } from "../wire.js" */

const KEEPS_HEIGHT = "\xa0"; // a line with nothing in it

/** The parts of the template `conversation` that are the header's. */
export const HEADER_PARTS = {
	face: HTMLElement,
	name: HTMLElement,
	state: HTMLElement,
	bio: HTMLElement,
	mutedMark: HTMLElement,
	profile: HTMLButtonElement,
};

/** @typedef {{ [Name in keyof typeof HEADER_PARTS]: InstanceType<(typeof HEADER_PARTS)[Name]> }} Parts */

export class Header {
	/**
	 * @param {Parts} parts
	 * @param {Person} partner
	 */
	constructor(parts, partner) {
		this.state = parts.state;
		this.partner = partner;
		this.parts = parts;
		parts.profile.onclick = () => openProfile(partner).catch(({ message }) => tell(partner.username, message));
		this.showPerson();
		if (!conversationWith(partner._id)) lookWhetherMuted(partner._id).catch(() => {}); // without it, as it was
	}

	/** The name and the text may change while one looks, and how the time is written. */
	showPerson() {
		const { name, bio, face, mutedMark, profile } = this.parts;
		profile.ariaLabel = say("person.about", { name: this.partner.username });
		mutedMark.hidden = !isMuted(this.partner._id);
		name.textContent = this.partner.username;
		bio.textContent = this.partner.bio ?? "";
		fill(face, avatar(this.partner.username));
		this.showState();
	}

	showState() {
		const activity = activityOf(this.partner._id);
		if (activity) {
			this.state.textContent = say(activity);
			this.state.className = "state typing";
			return;
		}
		// Without a connection nobody knows who is online.
		this.state.textContent = isConnected() ? lastSeen(this.partner) : KEEPS_HEIGHT;
		this.state.className = this.partner.online ? "state online" : "state";
	}
}
