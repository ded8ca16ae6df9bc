// Runs before the first paint, so that a chosen theme does not flash. Not a module.
{
  const chosen = localStorage.getItem("chattergram.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
