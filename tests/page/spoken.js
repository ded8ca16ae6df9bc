// A recording that somebody makes, piece by piece, and its journey to the server.

import assert from "node:assert/strict";

import { Journey } from "../../web/static/js/state/journey.js";
import { Recording } from "../../web/static/js/state/recording.js";
import { digest } from "./recordings.js";

let count = 0;

export class Spoken {
	constructor(server) {
		count += 1;
		this.server = server;
		this.number = count;
		this.partnerId = `partner-${count}`;
		this.recording = new Recording({ partnerId: this.partnerId, startedAt: count });
		this.journey = new Journey(this.recording, { receiverId: this.partnerId, share: "" });
	}

	/** Adds so many pieces, each different. */
	speak(pieces) {
		const { recording, number } = this;
		for (let index = 0; index < pieces; index += 1) {
			const { length } = recording.pieces;
			const text = `${number}, piece ${length + index}; `;
			recording.add(new Blob([text], { type: "audio/webm" }), length + index + 1);
		}
	}

	/** What the server has of it. */
	get there() {
		return this.server.recordings.byId.get(this.recording.notes.id);
	}

	/** Resolves once the server has all of it. */
	async arrived() {
		const { blob } = await this.recording.made();
		while (this.there?.bytes.length !== blob.size) {
			window.dispatchEvent(new Event("online")); // so that nothing waits for its next attempt
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
		assert.equal(await digest(this.there.bytes), await digest(blob));
	}
}
