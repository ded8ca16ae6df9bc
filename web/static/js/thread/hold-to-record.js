// The microphone's button. A short press leaves the recording to its own buttons; a long one records until it is let go,
// and then sends, or not when the finger has moved away.

import { listen } from "../dom/elements.js";

/** @import { RecordingPanel } from "../voice/recording-panel.js" */

const HOLD = 500; // milliseconds; pressed for longer, it records until it is let go
const AWAY = 60; // pixels above the composer from which letting go does not send

/**
 * @typedef {object} Recorder
 * @property {() => RecordingPanel} start
 * @property {() => RecordingPanel | null} current the recording under way
 */

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} area the composer
 * @param {Recorder} recorder
 */
export function handleMicrophoneButton(button, area, recorder) {
	button.onpointerdown = (event) => {
		if (event.button !== 0) return;
		event.preventDefault();
		recordWhileHeld(event.timeStamp, area, recorder);
	};
	button.onclick = ({ detail }) => {
		const isByKeyboard = detail === 0;
		if (isByKeyboard && !recorder.current()) recorder.start();
	};
}

/**
 * @param {number} pressedAt milliseconds, by the clock of events
 * @param {HTMLElement} area
 * @param {Recorder} recorder
 */
function recordWhileHeld(pressedAt, area, recorder) {
	const panel = recorder.start();
	const stopListening = listen(window, "pointerup pointercancel", (event) => {
		stopListening();
		const wasHeld = event.timeStamp - pressedAt >= HOLD;
		if (!wasHeld || recorder.current() !== panel) return;
		if (isLetGoOver(area, event)) panel.finish();
		else panel.review();
	});
}

/**
 * @param {HTMLElement} area
 * @param {PointerEvent} event
 */
function isLetGoOver(area, event) {
	return event.type === "pointerup" && event.clientY > area.getBoundingClientRect().top - AWAY;
}
