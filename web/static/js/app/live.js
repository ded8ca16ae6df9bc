// Keeps what the page shows up to date: loads it, connects, takes in what comes, and says when there is no connection.

import { on } from "../base/events.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { fill } from "../dom/elements.js";
import { copyTemplate } from "../dom/template.js";
import { me, session, setMe } from "../net/session.js";
import * as socket from "../net/socket.js";
import {
	isListLoaded,
	listToKeep,
	newestMessageId,
	refreshConversations,
	showKept,
	takeRead,
} from "../state/conversations.js";
import { forgetHistoriesExcept, refreshHistory, reloadHistory, renewKeptHistories } from "../state/histories.js";
import { takeChange, takeMessage } from "../state/incoming.js";
import { takeMuted } from "../state/muting.js";
import { keepAhead, keptConversations, startKeeping } from "../state/offline.js";
import * as outbox from "../state/outbox.js";
import { fetchNews } from "../state/news.js";
import { takePresence, takeTyping } from "../state/people.js";
import { lookForUnfinished } from "../state/unfinished.js";
import { Polling } from "./polling.js";

/** @import { Frames, Message } from "../wire.js" */

const RETRY = 4_000; // milliseconds
const BANNER_AFTER = 1_500; // milliseconds without a connection; a shorter break is nobody's concern

/** @typedef {ReturnType<typeof setTimeout>} Timer */

export class Live {
	/** Settles when the list of conversations was loaded, or that has failed. */
	listing = Promise.resolve();
	/** @type {Timer | null} */
	#retryTimer = null;
	/** @type {Timer | null} */
	#bannerTimer = null;
	#hasBeenConnected = false;
	/** @type {string | null} the template that the banner shows */
	#shown = null;
	#polling = new Polling(
		() => this.#fetchNews(),
		(works) => this.#showBanner(works ? "no-socket" : "offline"),
	);

	/**
	 * @param {HTMLElement} banner
	 * @param {() => string | null} openId the partner's whose conversation is open
	 */
	constructor(banner, openId) {
		this.banner = banner;
		this.openId = openId;
	}

	start() {
		on("connection", (connected) => {
			if (this.#bannerTimer !== null) clearTimeout(this.#bannerTimer);
			if (connected) this.#connected();
			else this.#showOfflineLater();
		});
		on("frame:messages", receive);
		on("frame:users", takeUser);
		on("frame:typing", takeTyping);
		on("frame:status", takeStatus);
		on("frame:captions", (captions) => this.#overhear(captions));
		on("frame:resume", ({ complete }) => {
			if (!complete) this.#reload();
		});
		startKeeping(listToKeep);
		outbox.startOutbox();
		outbox.loadOutbox();
		socket.startSocket();
		this.#begin();
	}

	#begin() {
		if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
		this.listing = this.#loadAndConnect();
	}

	async #loadAndConnect() {
		showKept(await keptConversations());
		try {
			await refreshConversations();
		} catch {
			this.#showBanner("offline");
			this.#retryTimer = setTimeout(() => this.#begin(), RETRY);
			return;
		}
		socket.connect(newestMessageId());
		this.#showOfflineLater(); // also where it never opens
		outbox.flush();
	}

	/**
	 * Somebody lets me read along while they speak.
	 * @param {Frames["captions"]} captions
	 */
	async #overhear(captions) {
		if (captions.senderId !== this.openId()) return;
		const { showSpeaking } = await import("../thread/overheard.js");
		showSpeaking(captions);
	}

	#showOfflineLater() {
		this.#bannerTimer = setTimeout(() => {
			this.#showBanner("offline");
			this.#polling.start();
		}, BANNER_AFTER);
	}

	#connected() {
		if (this.banner.firstChild) announce(say("app.connectedAgain"));
		fill(this.banner);
		this.#shown = null;
		this.#polling.stop();
		outbox.flush();
		renewKeptHistories().catch(() => {});
		lookForUnfinished();
		if (canWorkOffline()) this.#keepAhead().catch(() => {}); // the next connection goes on
		if (this.#hasBeenConnected) this.#catchUp();
		this.#hasBeenConnected = true;
	}

	/** Without the open conversation, which is kept as soon as it has been loaded. */
	#keepAhead() {
		const openId = this.openId();
		return keepAhead(listToKeep().filter(({ partner }) => partner._id !== openId));
	}

	/** What no frame tells again: who is online, new names, and what was changed while there was no connection. */
	#catchUp() {
		const openId = this.openId();
		refreshConversations().catch(() => {});
		if (openId) refreshHistory(openId).catch(() => {});
	}

	/** What the socket would have told. Returns whether anything was new. */
	async #fetchNews() {
		const openId = this.openId();
		const { isNew, complete } = await fetchNews(receive);
		if (!complete) await this.#reload();
		else if (openId) await refreshHistory(openId); // what was changed, such as a recording that is transcribed now
		return isNew;
	}

	/** @param {"offline" | "no-socket"} template */
	#showBanner(template) {
		if (!session.token || this.#shown === template) return;
		this.#shown = template;
		const { element, text, retry } = copyTemplate(template, { text: HTMLElement, retry: HTMLButtonElement });
		retry.onclick = () => {
			if (isListLoaded()) socket.wake();
			else this.#begin();
		};
		fill(this.banner, element);
		announce(text.textContent ?? "");
	}

	/** After a gap the server cannot fill: nothing loaded can be trusted. */
	async #reload() {
		const openId = this.openId();
		forgetHistoriesExcept(openId);
		try {
			await refreshConversations();
			if (openId) await reloadHistory(openId);
		} catch {
			return; // nothing is noted as seen, so the next connection asks again
		}
		socket.noteSeen(newestMessageId());
	}
}

/** @param {Frames["users"]} told */
function takeUser(told) {
	const { _id, username, bio = "", muted } = told;
	if (typeof muted === "boolean") takeMuted(_id, muted);
	if (_id === me()._id && username) setMe({ ...me(), username, bio });
	takePresence(told);
}

/** Whether this page would open without a network, and the reader does not save data. */
function canWorkOffline() {
	const { connection } = /** @type {{ connection?: { saveData: boolean } }} */ (navigator);
	return Boolean(navigator.serviceWorker?.controller) && !connection?.saveData;
}

/** @param {Message} message */
function receive(message) {
	if (message.clientId) outbox.discard(message.clientId);
	return takeMessage(message);
}

/** @param {Frames["status"]} change */
function takeStatus(change) {
	if (change.status === "read") takeRead(change);
	else if (change.status === "transcribing") receive(change);
	else takeChange(change);
}
