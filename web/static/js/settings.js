// The settings.

import { api } from "./api.js";
import { ask, view } from "./dom.js";
import { form } from "./forms.js";
import * as notify from "./notify.js";
import { session, setMe, signedOut } from "./session.js";

export function settings() {
	const { element, profile, password, theme, notify: toggle, refused, out, gone } = view("settings");
	for (const name of ["username", "bio"]) profile.elements[name].value = session.me[name];
	form(profile, async (values) => {
		setMe(await api.changeMe(values));
		return "Saved.";
	});
	form(password, async (values) => {
		await api.changeMe(values);
		password.reset();
		return password.dataset.done;
	});
	const { dataset } = document.documentElement;
	theme.querySelector(`[value=${dataset.theme}]`).checked = true;
	theme.onchange = ({ target }) => (localStorage["chattergram.theme"] = dataset.theme = target.value);
	toggle.checked = notify.wanted();
	toggle.onchange = async () => {
		const asked = toggle.checked;
		toggle.checked = await notify.setWanted(asked);
		refused.hidden = !asked || toggle.checked;
	};
	out.onclick = async () => {
		session.farewell = "";
		await api.logOut().catch(() => {});
		signedOut();
	};
	gone.onclick = async () => {
		const proof = await ask("Delete your account?", gone.dataset.what, "Delete for ever", "danger", true);
		if (!proof) return;
		session.farewell = "Your account is gone.";
		await api.deleteMe(proof).then(signedOut, ({ message }) => {
			session.farewell = undefined;
			ask("It was not deleted", message, "All right", "quiet");
		});
	};
	return element;
}
