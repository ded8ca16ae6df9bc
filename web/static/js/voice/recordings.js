// The recording of a voice message.

/** @import { LoadedMessage, RecordingSource } from "../page.js" */

/**
 * @param {LoadedMessage} message
 * @returns {RecordingSource}
 */
export function recordingOf(message) {
	const { audioFileId, duration, peaks } = message;
	return { key: String(audioFileId), uuid: audioFileId, duration: duration ?? 0, peaks, message };
}
