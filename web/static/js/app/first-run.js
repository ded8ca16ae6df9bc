// What somebody sees who has talked to nobody yet: people to write to, the address to share, and how a voice message works.

import { say } from "../base/sentences.js";
import { BASE } from "../base/addresses.js";
import { announce } from "../dom/announce.js";
import { h } from "../dom/elements.js";
import { copyTemplate } from "../dom/template.js";
import { fetchPeople } from "../net/api.js";
import { me } from "../net/session.js";
import { remember } from "../state/people.js";
import { personRow } from "../sidebar/person-row.js";
import { sampleMessage } from "../voice/sample.js";

const SHOWN = 6; // people

export function firstRun() {
	const parts = copyTemplate("first-run", {
		name: HTMLElement,
		mine: HTMLElement,
		people: HTMLElement,
		address: HTMLInputElement,
		copy: HTMLButtonElement,
		copied: HTMLElement,
		sample: HTMLElement,
	});
	const { username } = me();
	parts.name.textContent = username;
	parts.mine.textContent = username;
	handleAddress(parts);
	const { bubble, credit } = sampleMessage();
	parts.sample.append(h("div.row.theirs.startsGroup.endsGroup", bubble), credit);
	showPeople(parts.people).catch(() => {}); // the search finds them, too
	return parts.element;
}

/** @param {HTMLElement} list */
async function showPeople(list) {
	const found = await fetchPeople("", SHOWN + 1);
	const others = found.filter(({ _id }) => _id !== me()._id).slice(0, SHOWN);
	const rows = others.map(remember).map((person) => {
		const line = person.bio && h("span.line", { dir: "auto" }, person.bio);
		return personRow(person, {}, line);
	});
	list.replaceChildren(...(rows.length ? rows : [h("li.hint", say("first.nobody"))]));
}

/** @param {{ address: HTMLInputElement, copy: HTMLButtonElement, copied: HTMLElement }} parts */
function handleAddress({ address, copy, copied }) {
	const url = location.origin + BASE;
	address.value = url;
	address.onfocus = () => address.select();
	const canShare = "share" in navigator && matchMedia("(pointer: coarse)").matches;
	if (canShare) copy.textContent = say("first.share");
	copy.onclick = async () => {
		if (canShare) {
			await navigator.share({ url, title: "Chattergram" }).catch(() => {}); // they changed their mind
			return;
		}
		const wasCopied = await copyText(address);
		copied.textContent = say(wasCopied ? "first.copied" : "first.notCopied");
		announce(copied.textContent);
	};
}

/**
 * Browsers have a clipboard only for pages that came by https or from this machine; the old way needs a selection.
 * @param {HTMLInputElement} field
 */
async function copyText(field) {
	field.select();
	try {
		await navigator.clipboard.writeText(field.value);
		return true;
	} catch {
		return document.execCommand("copy");
	}
}
