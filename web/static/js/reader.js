// Sets the theme and the language of the page before the first paint, and begins to load the language's sentences. Not a
// module, since modules run after it. The names in local storage are those of base/stored.js.
{
	const root = document.documentElement;

	const applyTheme = () => {
		root.dataset.theme = localStorage["chattergram.theme"] ?? "system";
	};

	/** @type {HTMLLinkElement[]} the languages there are, English first */
	const offered = [...document.head.querySelectorAll(/** @type {"link"} */ ('link[rel="language"]'))];

	/**
	 * The language of a tag such as pt-BR: the same, or the one it is a kind of.
	 * @param {string} tag BCP 47
	 */
	const languageOf = (tag) => {
		const [primary] = tag.toLowerCase().split("-");
		return offered.find(({ hreflang }) => hreflang === tag) ?? offered.find(({ hreflang }) => hreflang === primary);
	};

	const wanted = [localStorage["chattergram.language"] ?? "", ...navigator.languages];
	const language = wanted.map(languageOf).find(Boolean) ?? offered[0];
	root.lang = language.hreflang;
	root.dir = language.dir || "ltr";
	const preload = Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", href: language.href });
	preload.crossOrigin = "anonymous"; // as `fetch` asks for it
	document.head.append(preload);

	applyTheme();
	window.addEventListener("storage", ({ key }) => {
		if (key === "chattergram.language") {
			location.reload(); // chosen in another tab
		} else {
			applyTheme();
		}
	});
}
