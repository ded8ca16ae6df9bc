// The microphone's button. A short press leaves the recording to its own buttons; a long one records until it is let go,
// and then sends. Sliding away meanwhile discards it, sliding up leaves it to its own buttons.

import { listen } from "../dom/elements.js";

/** @import { RecordingPanel } from "../voice/recording-panel.js" */
/** @import { Recorder } from "./recorder.js" */

const HOLD = 500; // milliseconds; pressed for longer, it records until it is let go
// Pixels that the finger slides: to the side of the line's beginning to discard, up to go on without being held.
const TO_DISCARD = 90;
const TO_LOCK = 70;

/**
 * @param {HTMLButtonElement} button
 * @param {Recorder} recorder
 */
export function handleMicrophoneButton(button, recorder) {
	button.onpointerdown = (event) => {
		if (event.button !== 0) return;
		event.preventDefault();
		ignoreItsClick();
		recordWhileHeld(event, recorder);
	};
	button.onclick = ({ detail }) => {
		const isByKeyboard = detail === 0;
		if (isByKeyboard && !recorder.current) recorder.start();
	};
}

/**
 * The recording's buttons take the place of the one that is pressed, so the click that follows would land on one of them.
 * A browser may also leave it out; then the next press is one that counts.
 */
function ignoreItsClick() {
	const stopIgnoring = () => {
		stopClick();
		stopPress();
	};
	const stopClick = listen(
		window,
		"click",
		(event) => {
			const isByKeyboard = event.detail === 0;
			if (isByKeyboard) return;
			event.stopPropagation();
			event.preventDefault();
			stopIgnoring();
		},
		{ capture: true },
	);
	const stopPress = listen(window, "pointerdown", stopIgnoring, { capture: true });
}

/**
 * @param {PointerEvent} pressed
 * @param {Recorder} recorder
 */
function recordWhileHeld(pressed, recorder) {
	const panel = recorder.start();
	const holding = setTimeout(() => panel.showHeld(true), HOLD);
	const stopListening = listen(window, "pointerup pointercancel pointermove", (event) => {
		const slid = event.type === "pointermove" ? directionOf(pressed, event) : "ended";
		if (!slid) return;
		stopListening();
		clearTimeout(holding);
		panel.showHeld(false);
		if (recorder.current !== panel) return;
		const wasHeld = event.timeStamp - pressed.timeStamp >= HOLD;
		if (slid === "away") panel.discard();
		else if (slid === "ended" && wasHeld) endHeld(panel, event);
	});
}

/**
 * @param {RecordingPanel} panel
 * @param {PointerEvent} event
 */
function endHeld(panel, { type }) {
	if (type === "pointerup") panel.finish();
	else panel.review(); // the system took the finger away
}

/**
 * Where the finger has slid to, "" while it is still near.
 * @param {PointerEvent} pressed
 * @param {PointerEvent} moved
 */
function directionOf(pressed, moved) {
	const isRightToLeft = getComputedStyle(document.documentElement).direction === "rtl";
	const aside = (moved.clientX - pressed.clientX) * (isRightToLeft ? 1 : -1);
	if (aside > TO_DISCARD) return "away";
	return pressed.clientY - moved.clientY > TO_LOCK ? "up" : "";
}
