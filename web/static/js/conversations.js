// The list of conversations.

import { emit, on } from "./bus.js";
import { draftKey } from "./composer.js";
import { avatar, fill, h, icon } from "./dom.js";
import { count, exact, shortTime, summary } from "./format.js";
import { session } from "./session.js";
import * as store from "./store.js";

const NEAR = 300; // pixels from the end at which more is loaded
let current;

export const chatPath = ({ username }) => `/chat/${encodeURIComponent(username)}`;

export function setCurrent(partnerId) {
	current = partnerId;
	emit("opened");
}

export function conversationList({ list, rows }) {
	let frame;
	const draw = () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(() => render(rows));
	};
	for (const name of ["conversations", "presence", "opened"]) on(name, draw);
	list.onscroll = () => {
		const near = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
		if (near && store.listed.first && !store.listed.all) store.loadConversations().catch(() => {});
	};
}

function render(rows) {
	const focused = document.activeElement?.dataset.partner;
	const all = store.sorted();
	if (all.length) fill(rows, ...all.map(row));
	else if (store.listed.first) fill(rows, h("li.hint", "No conversations yet. Search for somebody by name to begin one."));
	if (focused) rows.querySelector(`[data-partner="${focused}"]`)?.focus({ preventScroll: true });
}

function row({ partner, lastMessage, unread }) {
	const { _id } = partner;
	const draft = _id !== current && localStorage[draftKey(_id)];
	const said = draft ? `Draft: ${draft}` : summary(lastMessage, lastMessage.senderId === session.me._id);
	const typing = store.isTyping(_id);
	const spoken = lastMessage.audioFileId && !draft && !typing;
	return personRow(
		partner,
		{ "data-partner": _id, "aria-current": _id === current && "page", class: unread ? "unread" : "" },
		h("time", { datetime: lastMessage.dateSent, title: exact(lastMessage.dateSent) }, shortTime(lastMessage.dateSent)),
		h(`span.line.${typing ? "typing" : spoken ? "spoken" : "written"}`, { dir: "auto" }, spoken && icon("mic"), typing ? "typing …" : said),
		unread > 0 && h("span.badge", count(unread), h("span.sr", " unread")),
	);
}

export function personRow(person, props, ...children) {
	const online = person.online && h("span.dot", h("span.sr", "online"));
	const face = h("span.face", avatar(person.username), online);
	return h("li", h("a", { href: chatPath(person), ...props }, face, h("span.name", { dir: "auto" }, person.username), children));
}
