/** Applies the theme that was chosen before anything is painted; hence a script and not a module. */
document.documentElement.dataset.theme = localStorage.getItem('chiasm-theme') ?? 'system';
