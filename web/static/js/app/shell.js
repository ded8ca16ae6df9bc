// The frame of the page for who is signed in: the sidebar, and the pane that shows a conversation, the settings or nothing.

import { startClock } from "../base/clock.js";
import { on } from "../base/events.js";
import { BASE, chatPath, correctAddress, currentRoute, navigate } from "../base/router.js";
import { say } from "../base/sentences.js";
import { fill, h } from "../dom/elements.js";
import { avatar, spinner } from "../dom/icons.js";
import { copyTemplate } from "../dom/template.js";
import { fetchMe } from "../net/api.js";
import { me, setMe } from "../net/session.js";
import { findPartner } from "../state/conversations.js";
import { loadEarly, noteOpen } from "../state/histories.js";
import { findPerson, findPersonById } from "../state/people.js";
import { settingsPage } from "../pages/settings.js";
import { markOpen, showConversationList } from "../sidebar/conversation-list.js";
import { Search, SEARCH_PARTS } from "../sidebar/search.js";
import { Thread } from "../thread/thread.js";
import { isListLoaded, sortedConversations } from "../state/conversations.js";
import { startAttention } from "./attention.js";
import { firstRun } from "./first-run.js";
import { Live } from "./live.js";
import { PlayerBar } from "./player-bar.js";
import { startShortcuts } from "./shortcuts.js";

/** @import { Route } from "../base/router.js" */
/** @import { Person } from "../wire.js" */

const PARTS = {
	banner: HTMLElement,
	player: HTMLElement,
	rows: HTMLElement,
	me: HTMLElement,
	pane: HTMLElement,
	...SEARCH_PARTS,
};

const HOME = `${BASE}/`;
const KNOWN = ["", "chat", "settings"];

const PATIENCE = 1_500; // milliseconds for the list of conversations; then what this browser kept of it has to do

const patience = () => new Promise((resolve) => setTimeout(resolve, PATIENCE));

/** @param {Route} route */
const isKnown = ({ page, id, name }) => KNOWN.includes(page) && (page !== "chat" || id + name !== "");

export class Shell {
	/** @type {Thread | null} the open conversation */
	#thread = null;
	#turn = 0; // a partner who is found after one has gone elsewhere is not shown

	constructor() {
		this.parts = copyTemplate("shell", PARTS);
		this.element = this.parts.element;
		this.search = new Search(this.parts);
		this.live = new Live(this.parts.banner, () => this.#thread?.partner._id ?? null);
	}

	start() {
		showConversationList(this.parts);
		this.#showMe();
		on("me", () => this.#showMe());
		on("connection", (connected) => {
			if (connected) this.#showMissing();
		});
		on("conversations", () => this.#listChanged());
		on("search-within", (partner) => this.#searchWithin(partner));
		startShortcuts({ search: () => this.#search() });
		const bar = new PlayerBar();
		this.parts.player.replaceWith(bar.element);
		bar.start();
		startClock();
		startAttention(() => this.#thread?.partner ?? null);
		this.live.start();
		fetchMe().then(setMe, () => {}); // without it, me as I was the last time
	}

	#showMe() {
		const { username } = me();
		fill(this.parts.me, avatar(username), h("span.name", { dir: "auto" }, username));
	}

	/** A conversation that could not be opened without a connection. */
	#showMissing() {
		const route = currentRoute();
		if (!this.#thread && route.page === "chat") this.show(route);
	}

	/** @param {Route} route */
	show(route) {
		this.#turn += 1;
		if (route.page === "chat" && this.#thread?.partner._id === route.id) {
			this.#thread.open(route.at, route.query);
			return;
		}
		this.#leaveThread();
		this.element.dataset.page = route.page;
		if (!isKnown(route)) this.#sayNothing(say("app.nothingHere"));
		else if (route.page === "chat") this.#showThread(route, this.#turn);
		else if (route.page === "settings") this.#fillPane(settingsPage()).focus();
		else this.#showBeginning();
	}

	#leaveThread() {
		this.#thread?.destroy();
		this.#thread = null;
		markOpen(null);
	}

	/** @param {HTMLElement} content */
	#fillPane(content) {
		return fill(this.parts.pane, content);
	}

	/** @param {string} problem why there is nothing to show */
	#sayNothing(problem) {
		this.#fillPane(h("div.nothing", h("p", problem), h("a", { href: HOME }, say("shell.allConversations"))));
	}

	/**
	 * @param {Route} route
	 * @param {number} turn
	 */
	async #showThread(route, turn) {
		this.#fillPane(h("div.nothing", spinner()));
		loadEarly(route);
		const { partner, problem } = await this.#findPartner(route);
		if (turn !== this.#turn) return;
		if (partner) this.#openThread(partner, route);
		else this.#sayNothing(problem);
	}

	/**
	 * @param {Route} route
	 * @returns {Promise<{ partner: Person | null, problem: string }>}
	 */
	async #findPartner({ id, name }) {
		try {
			await Promise.race([this.live.listing, patience()]);
			const partner = id ? ((await findPersonById(id)) ?? (await findPartner(id))) : await findPerson(name);
			if (partner?._id === me()._id) return { partner: null, problem: say("shell.thatIsYou") };
			return { partner, problem: id ? say("shell.nobodyHere") : say("shell.nobodyCalled", { name }) };
		} catch (error) {
			return { partner: null, problem: /** @type {Error} */ (error).message };
		}
	}

	/**
	 * @param {Person} partner
	 * @param {Route} route
	 */
	#openThread(partner, { at, query }) {
		correctAddress(chatPath(partner, at === null ? null : { at, query })); // the name may be another by now
		const thread = new Thread(partner);
		this.#thread = thread;
		noteOpen(partner);
		markOpen(partner._id);
		this.#fillPane(thread.element);
		thread.focus();
		thread.open(at, query);
	}

	#search() {
		if (this.search.focus()) return;
		navigate(HOME); // on a phone the conversation hides it
		this.search.focus();
	}

	/** @param {Person} partner */
	#searchWithin(partner) {
		this.#search();
		this.search.within(partner);
	}

	#listChanged() {
		this.#keepAddress();
		const isFirst = isListLoaded() && !sortedConversations().length;
		const hasChanged = this.element.classList.contains("first") !== isFirst;
		this.element.classList.toggle("first", isFirst);
		if (hasChanged && currentRoute().page === "") this.#showBeginning();
	}

	/** What the pane has where no conversation is open. */
	#showBeginning() {
		const isFirst = this.element.classList.contains("first");
		this.#fillPane(isFirst ? firstRun() : copyTemplate("nothing", {}).element);
	}

	/** A partner's new name is in the address, too. */
	#keepAddress() {
		const { page, name, at, query } = currentRoute();
		const partner = this.#thread?.partner;
		if (!partner || page !== "chat" || name === partner.username) return;
		correctAddress(chatPath(partner, at ? { at, query } : null));
	}
}
