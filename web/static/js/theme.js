// The chosen theme, before the first paint, so that nothing flashes. Not a module, since those come later.
{
	const apply = () => (document.documentElement.dataset.theme = localStorage["chattergram.theme"] ?? "system");
	apply();
	window.addEventListener("storage", apply); // chosen in another tab
}
