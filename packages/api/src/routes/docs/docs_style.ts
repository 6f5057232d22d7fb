/** The style sheet of the docs page: light and dark, wide and narrow. No fonts and nothing from elsewhere. */

/** CSS of the page; its hash stands in the page's content security policy. */
export const DOCS_STYLE: string = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1c1d21, #e6e6ea);
  --quiet: light-dark(#5d606b, #a0a3b0);
  --page: light-dark(#fff, #141519);
  --raised: light-dark(#f5f5f7, #1d1f25);
  --line: light-dark(#dcdde3, #33363f);
  --get: light-dark(#0b6b3a, #6fd39f);
  --post: light-dark(#1a4fb8, #8fb4ff);
  --other: light-dark(#8a4b00, #f0b465);
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
}
.page { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; font-size: .875rem; }
nav h2 { margin: 1rem 0 .25rem; font-size: .8125rem; color: var(--quiet); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .125rem 0; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
main { padding: 1.5rem 1.5rem 6rem; border-left: 1px solid var(--line); }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; line-height: 1.2; }
main > section > h2 { margin: 3rem 0 1rem; font-size: 1.25rem; }
article { padding: 1.25rem 0; border-top: 1px solid var(--line); }
article h3 { margin: 0 0 .25rem; font-size: 1rem; overflow-wrap: anywhere; }
article p { margin: .25rem 0 .75rem; max-width: 44rem; }
main a { color: var(--post); }
.quiet { color: var(--quiet); }
.method { font-size: .75rem; font-weight: 700; letter-spacing: .02em; }
.method { color: var(--other); }
.method.get { color: var(--get); } .method.post { color: var(--post); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em; }
pre {
  margin: .5rem 0; padding: .75rem 1rem; overflow-x: auto; border-radius: .375rem;
  background: var(--raised); line-height: 1.45;
}
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
th { text-align: left; font-weight: 600; }
th, td { padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
@media (max-width: 48rem) {
  .page { display: block; }
  nav { position: static; height: auto; max-height: 40vh; padding: 1rem; }
  nav { border-bottom: 1px solid var(--line); }
  main { padding: 1rem 1rem 4rem; border-left: 0; }
  td:first-child { white-space: normal; }
}
`;
