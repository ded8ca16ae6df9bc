// Where one writes or records.

import { api } from "./api.js";
import { announce, ask, listen } from "./dom.js";
import { enqueue } from "./outbox.js";
import { record } from "./recorder.js";
import { session } from "./session.js";
import * as socket from "./socket.js";

const LONGEST = 4_000; // characters
const TYPING_EVERY = 3_000;
const HOLD = 500; // pressed for longer, the microphone records until it is let go
const touch = matchMedia("(pointer: coarse)");

export const draftKey = (partnerId) => `chattergram.draft.${session.me._id}.${partnerId}`;

/** Brings the composer in `parts` to life. Answers `{edit(message), leave()}`. */
export function composer(parts, partner, sent) {
	const { form, line, input, send, mic, attach, file, note, bar } = parts;
	const key = draftKey(partner._id);
	let editing, recording;
	let typedAt = 0;
	input.ariaLabel = `Message to ${partner.username}`;

	function put(text) {
		input.value = text;
		changed();
	}

	function changed() {
		const length = [...input.value.trim()].length;
		const over = length > LONGEST;
		form.classList.toggle("has-text", Boolean(length || editing));
		send.disabled = over || (!length && !editing?.audioFileId);
		note.textContent = length > LONGEST - 200 ? `${length} of ${LONGEST} characters` : "";
	}

	function edit(message) {
		editing = message;
		bar.hidden = !message;
		parts.editing.textContent = message?.audioFileId ? "Correct the transcript" : "Edit message";
		send.ariaLabel = send.title = message ? "Save" : "Send";
		put(message ? message.text : (localStorage[key] ?? ""));
		if (message) input.focus();
	}

	function enqueued(content) {
		enqueue(partner._id, content);
		sent();
	}

	async function save(text) {
		send.disabled = true;
		try {
			if (text !== editing.text) await api.edit(editing._id, text);
			edit();
			announce("Saved");
		} catch (error) {
			send.disabled = false;
			note.textContent = error.message;
		}
	}

	form.onsubmit = (event) => {
		event.preventDefault();
		const text = input.value.trim();
		if (send.disabled) return;
		if (editing) return void save(text);
		localStorage.removeItem(key);
		put("");
		typedAt = 0;
		enqueued({ text });
	};
	input.oninput = () => {
		changed();
		if (editing) return;
		localStorage[key] = input.value;
		const due = input.value && Date.now() - typedAt > TYPING_EVERY;
		if (due && socket.send({ type: "typing", receiverId: partner._id })) typedAt = Date.now();
	};
	input.onkeydown = (event) => {
		const { key: pressed, isComposing, shiftKey } = event;
		if (isComposing) return;
		if (pressed === "Enter" && !shiftKey && !touch.matches) form.requestSubmit();
		else if (pressed === "Escape" && editing) edit();
		else return;
		event.preventDefault();
	};
	parts.stop.onclick = () => edit();
	attach.onclick = () => file.click();
	file.onchange = () => {
		const [blob] = file.files;
		if (blob) enqueued({ blob, name: blob.name });
		file.value = "";
	};

	function startRecording() {
		note.textContent = "";
		line.hidden = true;
		recording = record({
			send: enqueued,
			refused: (text) => announce((note.textContent = text)),
			closed: () => {
				recording = null;
				line.hidden = false;
				mic.focus();
			},
		});
		line.after(recording.element);
		recording.element.lastElementChild.focus();
	}

	/** A short press leaves the recording to its buttons; a long one sends when let go, or not when moved away. */
	mic.onpointerdown = (event) => {
		if (event.button) return;
		event.preventDefault();
		const pressedAt = event.timeStamp;
		startRecording();
		const mine = recording;
		const stop = listen(window, "pointerup pointercancel", (up) => {
			stop();
			if (up.timeStamp - pressedAt < HOLD || mine !== recording) return;
			if (up.type === "pointerup" && up.clientY > form.getBoundingClientRect().top - 60) mine.finish();
			else mine.review();
		});
	};
	mic.onclick = ({ detail }) => detail || recording || startRecording(); // by keyboard
	/** Nobody sends what they walked away from, or loses it, without having been asked. */
	async function leave() {
		const left = recording;
		if (!(await left?.review())) return;
		const text = `What you recorded for ${partner.username} has not been sent.`;
		return (await ask("Send the recording?", text, "Send")) ? left.finish() : left.cancel();
	}

	edit();
	return { edit, leave };
}
