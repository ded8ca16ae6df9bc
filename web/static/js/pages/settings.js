// The settings.

import { setSpokenLanguage, spokenLanguage } from "../base/languages.js";
import * as notifications from "../base/notifications.js";
import { chooseLanguage, chosenLanguage, pageLanguages } from "../base/reading.js";
import { say } from "../base/sentences.js";
import { setSharesWords, sharesWords } from "../base/sharing.js";
import { THEME } from "../base/stored.js";
import { ask, askForPassword, tell } from "../dom/dialog.js";
import { h } from "../dom/elements.js";
import { handleForm } from "../dom/form.js";
import { languageChoice } from "../dom/language-choice.js";
import { showShortcuts } from "../dom/shortcuts.js";
import { copyTemplate } from "../dom/template.js";
import { changeMe, changePush, deleteMe, fetchPush, logOut } from "../net/api.js";
import { subscribe, unsubscribe } from "../net/push.js";
import { me, session, setMe, signOut } from "../net/session.js";
import { waitingCount } from "../state/outbox.js";

export function settingsPage() {
	const parts = copyTemplate("settings", {
		profile: HTMLFormElement,
		password: HTMLFormElement,
		theme: HTMLFieldSetElement,
		reading: HTMLElement,
		language: HTMLElement,
		share: HTMLInputElement,
		notify: HTMLInputElement,
		refused: HTMLElement,
		keys: HTMLButtonElement,
		shown: HTMLInputElement,
		out: HTMLButtonElement,
		gone: HTMLButtonElement,
	});
	handleProfile(parts.profile);
	handlePassword(parts.password);
	handleTheme(parts.theme);
	handlePageLanguage(parts.reading);
	handleLanguage(parts.language);
	handleSharing(parts.share);
	handleNotifications(parts.notify, parts.refused);
	parts.keys.onclick = showShortcuts;
	handleShownText(parts.shown).catch(() => {}); // it stays as it is without a connection
	parts.out.onclick = leave;
	parts.gone.onclick = deleteAccount;
	return parts.element;
}

/** @param {HTMLFormElement} form */
function handleProfile(form) {
	const { username, bio } = me();
	setField(form, "username", username);
	setField(form, "bio", bio);
	handleForm(form, async (values) => {
		setMe(await changeMe(values));
		return say("settings.saved");
	});
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function setField(form, name, value) {
	const field = form.elements.namedItem(name);
	if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = value;
}

/** @param {HTMLFormElement} form */
function handlePassword(form) {
	handleForm(form, async (values) => {
		await changeMe(values);
		form.reset();
		return say("settings.passwordChanged");
	});
}

/** @param {HTMLFieldSetElement} choice */
function handleTheme(choice) {
	const { dataset } = document.documentElement;
	for (const option of choice.querySelectorAll("input")) {
		option.checked = option.value === dataset.theme;
		option.onchange = () => {
			dataset.theme = option.value;
			localStorage.setItem(THEME, option.value);
		};
	}
}

/** @param {HTMLElement} place */
function handlePageLanguage(place) {
	const languages = pageLanguages().map(({ code, name }) => h("option", { value: code, lang: code }, name));
	const asBrowser = h("option", { value: "" }, say("settings.asBrowser"));
	const choice = h("select.language", { label: say("settings.languageOfPage") }, asBrowser, languages);
	choice.value = chosenLanguage();
	choice.onchange = () => chooseLanguage(choice.value);
	place.append(choice);
}

/** @param {HTMLElement} place */
function handleLanguage(place) {
	const choice = languageChoice(say("settings.spoken"), say("settings.asBrowser"), spokenLanguage());
	choice.onchange = () => setSpokenLanguage(choice.value);
	place.append(choice);
}

/** @param {HTMLInputElement} toggle whether others may read along */
function handleSharing(toggle) {
	toggle.checked = sharesWords();
	toggle.onchange = () => setSharesWords(toggle.checked);
}

/**
 * @param {HTMLInputElement} toggle
 * @param {HTMLElement} refused shown when the browser does not allow them
 */
function handleNotifications(toggle, refused) {
	toggle.checked = notifications.areWanted();
	toggle.onchange = async () => {
		const asked = toggle.checked;
		const granted = asked ? await notifications.turnOn() : notifications.turnOff();
		toggle.checked = granted;
		refused.hidden = !asked || granted;
		const changed = granted ? subscribe() : unsubscribe();
		changed.catch(() => {}); // while the page is open they come all the same; the next visit tries again
	};
}

/** @param {HTMLInputElement} toggle whether notifications show what was written */
async function handleShownText(toggle) {
	toggle.disabled = true;
	const { showsText } = await fetchPush();
	toggle.checked = showsText;
	toggle.disabled = false;
	toggle.onchange = () => {
		changePush(toggle.checked).catch((error) => {
			toggle.checked = !toggle.checked;
			tell(say("failure.notChanged"), error.message);
		});
	};
}

async function leave() {
	const waiting = waitingCount();
	const question = {
		title: say("settings.logOutQuestion"),
		text: say("settings.unsent", { count: waiting }),
		confirm: say("account.logOut"),
		look: /** @type {const} */ ("danger"),
	};
	if (waiting && !(await ask(question))) return;
	session.farewell = "";
	await logOut().catch(() => {}); // out of this browser, whatever the server says
	signOut();
}

async function deleteAccount() {
	const password = await askForPassword({
		title: say("settings.deleteQuestion"),
		text: say("settings.deleteText"),
		confirm: say("settings.deleteForEver"),
		look: "danger",
	});
	if (!password) return;
	session.farewell = say("account.gone");
	try {
		await deleteMe(password);
	} catch (error) {
		session.farewell = null;
		await tell(say("failure.notDeleted"), /** @type {Error} */ (error).message);
		return;
	}
	signOut();
}
