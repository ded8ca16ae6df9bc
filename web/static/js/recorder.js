// Recording from the microphone.

import { announce, fill, h, icon, view } from "./dom.js";
import { duration } from "./format.js";
import { newId } from "./outbox.js";
import { loudness, pause, stop } from "./player.js";
import { controls } from "./voice.js";

const BITS = 32_000; // a second
const TICK = 60;
const SHORTEST = 0.4; // seconds; less is a slip of the finger
const LONGEST = 590; // the server takes 600
const BARS = 64;

/** `send({blob, name})` gets the recording, `refused(text)` says why there is none, `closed()` comes in the end. */
export function record({ send, refused, closed }) {
	const parts = view("recording");
	const { element, live, clock, meter } = parts;
	const chunks = [];
	let stream, media, context, timer, made, ended;
	const seconds = () => context?.currentTime ?? 0; // its clock stands still in a pause
	const keep = (event) => event.preventDefault();
	for (let bar = 0; bar < BARS; bar += 1) meter.append(h("i"));

	async function start() {
		stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, noiseSuppression: true } });
		if (ended) return release();
		media = new MediaRecorder(stream, { audioBitsPerSecond: BITS });
		media.ondataavailable = ({ data }) => chunks.push(data);
		media.start(1_000);
		context = new AudioContext();
		const analyser = context.createAnalyser();
		context.createMediaStreamSource(stream).connect(analyser);
		const samples = new Float32Array(analyser.fftSize);
		timer = setInterval(() => {
			if (media.state !== "recording") return;
			analyser.getFloatTimeDomainData(samples);
			meter.firstChild.style.setProperty("--level", Math.min(1, loudness(samples) * 5));
			meter.append(meter.firstChild);
			clock.textContent = duration(seconds());
			if (seconds() > LONGEST) review();
		}, TICK);
		window.addEventListener("beforeunload", keep);
		element.classList.add("on");
		return announce("Recording");
	}

	function release() {
		clearInterval(timer);
		stream?.getTracks().forEach((track) => track.stop());
		context?.close().catch(() => {});
		window.removeEventListener("beforeunload", keep);
	}

	async function finished() {
		if (made) return made;
		const stopped = new Promise((resolve) => (media.onstop = resolve));
		media.stop();
		await stopped;
		release();
		made = { blob: new Blob(chunks, { type: media.mimeType }), key: newId(), duration: seconds() };
		return made;
	}

	/** Stops, and lets it be listened to; answers whether there is anything. */
	async function review() {
		if (!media) return cancel();
		if (made) return true;
		live.replaceWith(controls(await finished()));
		element.querySelector(".play").focus();
		announce("Recording stopped");
		return true;
	}

	async function finish() {
		if (ended) return;
		if (!media) return cancel(); // let go before there was a microphone
		ended = true;
		const { blob } = await finished();
		if (seconds() < SHORTEST) announce("Too short, not sent");
		else send({ blob, name: "voice" });
		return close();
	}

	function cancel() {
		if (media && !made) media.stop();
		close();
	}

	function close() {
		ended = true;
		release();
		if (made) stop(made.key);
		element.remove();
		closed();
	}

	parts.discard.onclick = cancel;
	parts.stop.onclick = review;
	parts.send.onclick = finish;
	parts.pause.onclick = ({ currentTarget }) => {
		const pausing = media?.state === "recording";
		media?.[pausing ? "pause" : "resume"]();
		context?.[pausing ? "suspend" : "resume"]();
		currentTarget.ariaLabel = currentTarget.title = pausing ? "Go on recording" : "Pause recording";
		fill(currentTarget, icon(pausing ? "mic" : "pause"));
		element.classList.toggle("on", !pausing);
	};
	element.onkeydown = (event) => event.key === "Escape" && cancel();
	pause();
	start().catch((error) => {
		const why = parts[isSecureContext ? error.name : "insecure"] ?? parts.otherwise;
		refused(`${why.textContent} You can also attach a recording as a file.`);
		close();
	});
	return { element, finish, review, cancel };
}
