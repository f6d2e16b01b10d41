/** Applies the chosen theme before anything is painted; hence a script and not a module. */
document.documentElement.dataset.theme = localStorage.getItem('chiasm-theme') ?? 'system';
