// The open conversation.

import { api } from "./api.js";
import { on } from "./bus.js";
import { composer } from "./composer.js";
import { announce, ask, avatar, fill, h, listen, openMenu, spinner, view } from "./dom.js";
import { count, lastSeen, summary } from "./format.js";
import { itemsOf, keyOf, messageRow, showProgress, sourceOf } from "./message.js";
import { waiting } from "./outbox.js";
import { seek, stop } from "./player.js";
import { session } from "./session.js";
import { isConnected } from "./socket.js";
import * as store from "./store.js";
import { timeline } from "./timeline.js";
import { matcher, timedWords } from "./transcript.js";

export function conversation(partner) {
	const parts = view("conversation");
	const { element, scroller, notice, jump } = parts;
	const history = store.history(partner._id);
	const isTheirs = ({ senderId, deletedAt }) => senderId === partner._id && !deletedAt;
	const unread = store.conversations.get(partner._id)?.unread ?? 0;
	let unreadFrom, hit; // the line above the first unread one stays where it was, unless that is deleted
	let fresh = 0; // came while one read further up
	let readUpTo = "";

	const rows = timeline(parts, {
		rowOf: (item) => messageRow(item, { menu, transcribe }),
		onStart: () => history.loadOlder().catch(() => {}), // tried again with the next scroll
		onEnd: () => history.loadNewer().catch(() => {}),
		onView: viewed,
	});
	const writing = composer(parts, partner, toNewest);

	async function open(at, query = "") {
		if (!history.loaded || (at && !history.byId.has(at))) fill(notice, spinner());
		try {
			if (!at || !(await history.loadAround(at))) await newest();
		} catch (error) {
			return void trouble(error, () => open(at, query));
		}
		fill(notice);
		const theirs = history.messages.filter(isTheirs);
		if (unread && theirs.length && unreadFrom === undefined) unreadFrom = theirs.at(-Math.min(unread, theirs.length))._id;
		const message = history.byId.get(at);
		hit = message && { id: at, query };
		draw();
		if (message) showHit(message, query);
		else if (!unreadFrom || !rows.show(unreadFrom)) rows.toBottom();
	}

	async function newest() {
		if (!history.loaded || !history.atEnd) await history.loadNewest();
	}

	function showHit(message, query) {
		rows.show(keyOf(message)).querySelector("[data-focus]")?.focus({ preventScroll: true });
		const wanted = matcher(query, message.text);
		const word = message.audioFileId && timedWords(message).find(({ text, start }) => start >= 0 && wanted(text));
		if (word) seek(sourceOf(message), word.start);
	}

	async function toNewest() {
		await newest().catch((error) => trouble(error, toNewest));
		draw();
		rows.toBottom();
	}

	function draw() {
		if (history.byId.get(unreadFrom)?.deletedAt) {
			unreadFrom = history.messages.find((each) => each._id > unreadFrom && isTheirs(each))?._id ?? null;
		}
		const pending = history.atEnd ? waiting(partner._id) : [];
		const items = itemsOf({ history, pending, partner: partner.username, unreadFrom, hit });
		rows.setItems(items);
		element.classList.toggle("empty", history.loaded && !items.length);
	}

	function viewed() {
		const away = !rows.atBottom() || !history.atEnd;
		jump.hidden = !away;
		if (!away) fresh = 0;
		parts.fresh.textContent = fresh ? count(fresh) : "";
		read();
	}

	function read() {
		if (document.hidden || !document.hasFocus() || !store.conversations.get(partner._id)?.unread) return;
		const upTo = rows.inView().map(({ dataset }) => history.byId.get(dataset.id)).findLast((each) => each && isTheirs(each))?._id;
		if (!upTo || upTo <= readUpTo) return;
		readUpTo = upTo;
		store.markRead(partner._id, upTo).catch(() => (readUpTo = ""));
	}

	function came({ message, fresh: isNew }) {
		if (message.senderId !== partner._id) return;
		if (isNew && !rows.follows()) fresh += 1;
		announce(`${partner.username}: ${summary(message)}`);
		viewed();
	}

	function status() {
		const typing = store.isTyping(partner._id);
		parts.state.textContent = typing ? "typing …" : isConnected() ? lastSeen(partner) : "\xa0";
		parts.state.className = `state ${typing ? "typing" : partner.online ? "online" : ""}`;
	}

	const trouble = ({ message }, again) =>
		fill(notice, h("p", message), h("button.button.quiet", { onclick: again }, "Try again"));

	function menu(button, message) {
		const { text, audioFileId: voice } = message;
		const entries = [];
		if (text) entries.push(["copy", "Copy text", () => navigator.clipboard?.writeText(text)]);
		if (message.senderId === session.me._id) {
			entries.push(["edit", voice ? "Correct the transcript" : "Edit", () => writing.edit(message)]);
			if (voice) entries.push(["retry", "Transcribe again", () => transcribe(message)]);
			entries.push(["trash", "Delete", () => remove(message)]);
		}
		openMenu(button, entries);
	}

	const failed = ({ message }) => ask("It was not deleted", message, "All right", "quiet");

	function transcribe({ _id }) {
		history.note(_id, { again: true, failure: undefined });
		api.transcribe(_id).catch(({ status: code, message: failure }) => {
			if (code !== 409) history.note(_id, { again: false, failure }); // 409: it is under way
		});
	}

	async function remove({ _id, audioFileId }) {
		if (!(await ask("Delete this message?", `It will be gone for you and for ${partner.username}.`, "Delete", "danger"))) return;
		if (audioFileId) stop(audioFileId);
		await api.remove(_id).then(() => announce("Message deleted"), failed);
	}

	const mine = (name, listener) => on(name, (id) => id === partner._id && listener());
	const stops = [
		on("history", (changed) => changed === history && draw()),
		on("upload", (item) => showProgress(scroller, item)),
		on("incoming", came),
		mine("outbox", draw),
		mine("presence", status),
		on("connection", (connected) => {
			status();
			if (connected) draw(); // loads what failed
		}),
		listen(window, "focus", read),
		listen(document, "visibilitychange", read),
		rows.destroy,
		writing.leave,
	];
	element.ariaLabel = parts.name.textContent = partner.username;
	scroller.ariaLabel = `Messages with ${partner.username}`;
	parts.bio.textContent = partner.bio;
	parts.face.replaceWith(avatar(partner.username));
	jump.onclick = toNewest;
	status();
	// With a finger, the keyboard of the screen would hide what one came to read.
	const focus = () => (matchMedia("(pointer: coarse)").matches ? parts.name : parts.input).focus();
	return { element, partner, open, focus, destroy: () => stops.forEach((end) => end()) };
}
