// A voice message for those who have none yet. A volunteer of LibriVox reads Jane Austen.

import { h } from "../dom/elements.js";
import { copyTemplate } from "../dom/template.js";
import { recordingControls } from "./controls.js";
import { transcript } from "./transcript-view.js";

/** @import { RecordingSource } from "../page.js" */

/** @type {[string, number, number][]} what is said, from which second to which, as Whisper's base model hears it */
const HEARD = [
	["He", 0.1, 0.34],
	["was", 0.34, 0.52],
	["not", 0.52, 0.8],
	["an", 0.8, 1.02],
	["ill-disposed", 1.02, 1.96],
	["young", 1.96, 2.28],
	["man,", 2.28, 2.7],
	["unless", 3.0, 3.3],
	["to", 3.3, 3.46],
	["be", 3.46, 3.66],
	["rather", 3.66, 3.98],
	["cold-hearted,", 3.98, 4.82],
	["and", 5.0, 5.2],
	["rather", 5.2, 5.5],
	["selfish,", 5.5, 6.1],
	["is", 6.46, 6.62],
	["to", 6.62, 6.8],
	["be", 6.8, 6.96],
	["ill-disposed.", 6.96, 7.82],
];
// prettier-ignore
const PEAKS = [
	6, 50, 80, 75, 101, 22, 12, 71, 91, 68, 100, 126, 65, 64, 98, 95, 22, 5, 86, 160, 58, 196, 172, 103,
	13, 255, 158, 104, 83, 49, 49, 105, 90, 55, 149, 37, 41, 45, 36, 31, 75, 73, 68, 33, 111, 83, 17, 5,
];
const DURATION = 8.13; // seconds

/** Its bubble, which plays and is read along like any other, and where it comes from. */
export function sampleMessage() {
	const { element: credit, recording } = copyTemplate("sample", { recording: HTMLAnchorElement });
	/** @type {RecordingSource} */
	const source = { key: "sample", url: recording.href, duration: DURATION, peaks: PEAKS };
	const words = HEARD.map(([word, start, end]) => ({ word, start, end }));
	const text = words.map(({ word }) => word).join(" ");
	const bubble = h(
		"div.bubble.voice",
		recordingControls(source),
		transcript({ text, words, language: "en" }, source, null),
	);
	return { bubble, credit };
}
