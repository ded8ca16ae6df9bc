// What comes by socket, or as the response to what was sent: taken into the histories and the list of conversations.

import { emit } from "../base/events.js";
import { session } from "../net/session.js";
import { conversationWith, noteChange, noteMessage } from "./conversations.js";
import { forgetRecording } from "./heard.js";
import { historyWith } from "./histories.js";
import { stopTyping } from "./people.js";

/** @import { Message, MessageChange } from "../wire.js" */

/** @type {Set<string>} incoming messages that are in an unread count already; a frame may come twice */
const counted = new Set();

/** @param {{ senderId: string, receiverId: string }} message */
const partnerOf = ({ senderId, receiverId }) => (senderId === session.me?._id ? receiverId : senderId);

/**
 * A message accepted here, or come by socket.
 * @param {Message} message
 */
export async function takeMessage(message) {
	const partnerId = partnerOf(message);
	const isNew = isNewForMe(partnerId, message);
	const isTranscript = message.senderId === partnerId && bringsTranscript(partnerId, message);
	historyWith(partnerId).merge(message);
	if (isNew) {
		counted.add(message._id);
		stopTyping(partnerId);
	}
	await noteMessage(partnerId, message, isNew);
	if (isNew || isTranscript) emit("incoming", { message, isNew });
}

/**
 * @param {string} partnerId
 * @param {Message} message
 */
function isNewForMe(partnerId, { _id, senderId, deletedAt }) {
	const baseline = conversationWith(partnerId)?.baseline ?? "";
	return senderId === partnerId && !deletedAt && _id > baseline && !counted.has(_id);
}

/**
 * @param {string} partnerId
 * @param {Message} message
 */
function bringsTranscript(partnerId, { _id, audioFileId, text, status }) {
	const known = historyWith(partnerId).byId.get(_id);
	const isWhole = status !== "transcribing"; // else it goes on, and would be read out again and again
	return Boolean(audioFileId && text && isWhole && known && (!known.text || known.status === "transcribing"));
}

/** @param {MessageChange} change */
export function takeChange(change) {
	const partnerId = partnerOf(change);
	const { audioFileId } = historyWith(partnerId).byId.get(change._id) ?? {};
	if (change.status === "deleted" && audioFileId) forgetRecording(audioFileId);
	historyWith(partnerId).merge(change);
	noteChange(partnerId, change);
}
