// Sets the theme before the first paint. Not a module, since modules run after it.
{
	const apply = () => {
		document.documentElement.dataset.theme = localStorage["chattergram.theme"] ?? "system";
	};
	apply();
	window.addEventListener("storage", apply); // chosen in another tab
}
