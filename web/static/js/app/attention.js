// What draws the eye to new messages: the title, a notification, and a word to screen readers.

import { on } from "../base/events.js";
import { areWanted, notify } from "../base/notifications.js";
import { summary } from "../base/phrases.js";
import { chatPath } from "../base/router.js";
import { say } from "../base/sentences.js";
import { announce } from "../dom/announce.js";
import { totalUnread } from "../state/conversations.js";
import { isMuted } from "../state/muting.js";
import { person } from "../state/people.js";

/** @import { Events } from "../page.js" */
/** @import { Person } from "../wire.js" */

/** @param {() => Person | null} openPartner of the open conversation */
export function startAttention(openPartner) {
	const showTitle = () => {
		const unread = totalUnread();
		document.title = (unread ? `(${unread}) ` : "") + titleFor(openPartner());
	};
	on("conversations", showTitle);
	on("opened", showTitle);
	on("incoming", (incoming) => tellOf(incoming, openPartner()));
}

/** @param {Person | null} partner */
const titleFor = (partner) => (partner ? say("title.partner", { name: partner.username }) : "Chattergram");

/**
 * @param {Events["incoming"]} incoming
 * @param {Person | null} partner
 */
function tellOf({ message, isNew }, partner) {
	const sender = person(message.senderId);
	if (!sender || isMuted(sender._id)) return;
	if (isNew && sender !== partner) announce(say("person.wrote", { name: sender.username }));
	const isLookedAt = !document.hidden && document.hasFocus();
	if (!areWanted() || isLookedAt) return;
	notify({ title: sender.username, body: summary(message), tag: message._id, path: chatPath(sender) });
}
