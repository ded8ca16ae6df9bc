// When to ask the server for what is new while no socket opens: every few seconds, and less often when nothing comes, when
// it fails, and when nobody looks.

import { backoff } from "../base/backoff.js";
import { ApiError } from "../net/errors.js";

const PAUSE = { min: 4_000, max: 30_000 }; // milliseconds, before they are spread
const QUIET = 5; // times that nothing was new until the pause doubles

export class Polling {
	/** @type {ReturnType<typeof setTimeout> | null} */
	#timer = null;
	#isOn = false;
	#quiet = 0; // times in a row that nothing was new
	#failures = 0; // in a row

	/**
	 * @param {() => Promise<boolean>} ask returns whether anything was new
	 * @param {(works: boolean) => void} tell after each time, whether the server responded
	 */
	constructor(ask, tell) {
		this.ask = ask;
		this.tell = tell;
	}

	start() {
		if (this.#isOn) return;
		this.#isOn = true;
		this.#quiet = 0;
		this.#failures = 0;
		this.#plan();
	}

	stop() {
		this.#isOn = false;
		if (this.#timer !== null) clearTimeout(this.#timer);
	}

	/** @param {number} [least] milliseconds that the server wants to be left alone */
	#plan(least = 0) {
		const pause = document.hidden ? PAUSE.max : backoff(Math.floor(this.#quiet / QUIET) + this.#failures, PAUSE);
		this.#timer = setTimeout(() => this.#askOnce(), Math.max(pause, least));
	}

	async #askOnce() {
		let retryAfter = 0;
		let works = true;
		try {
			this.#quiet = (await this.ask()) ? 0 : this.#quiet + 1;
			this.#failures = 0;
		} catch (error) {
			works = false;
			this.#failures += 1;
			if (error instanceof ApiError) retryAfter = error.retryAfter * 1_000;
		}
		if (!this.#isOn) return;
		this.tell(works);
		this.#plan(retryAfter);
	}
}
