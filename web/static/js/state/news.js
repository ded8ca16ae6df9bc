// What has come since, by calls, while there is no socket to tell.

import { FIRST_ID } from "../base/ids.js";
import { fetchConversations, fetchHistory } from "../net/api.js";
import { conversationWith, PAGE, takeConversations } from "./conversations.js";

/** @import { ConversationSummary, Message } from "../wire.js" */

const MAX_CONVERSATIONS = 10; // whose new messages are fetched one by one; with more, what is loaded is loaded anew

/** @param {string} partnerId */
const newestFrom = (partnerId) => conversationWith(partnerId)?.lastMessage._id ?? FIRST_ID;

/** @param {ConversationSummary} summary */
const isNewer = ({ partner, lastMessage }) => lastMessage._id > newestFrom(partner._id);

/**
 * Asks once, and hands over each message that is new.
 * @param {(message: Message) => Promise<void>} receive
 * @returns {Promise<{ isNew: boolean, complete: boolean }>} `complete` unless there is more than was fetched
 * @throws {ApiError}
 */
export async function fetchNews(receive) {
	const page = await fetchConversations(PAGE, null);
	const changed = page.filter(isNewer);
	let complete = changed.length <= MAX_CONVERSATIONS;
	for (const { partner } of complete ? changed : []) {
		const messages = await fetchHistory(partner._id, { after: newestFrom(partner._id), limit: PAGE });
		complete &&= messages.length < PAGE;
		for (const message of messages) await receive(message);
	}
	takeConversations(page);
	return { isNew: changed.length > 0, complete };
}
