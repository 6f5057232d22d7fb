/** The style of a report: light and dark, wide and narrow, on paper. */

/** Colours, light and dark. */
export const THEME_STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2127;--soft:#5a6270;--line:#e3e1dc;
--s0:#0a5fc2;--s1:#c2410c;--s2:#0b7a4b;--s3:#7e2fc4;--s4:#8f6204;--s5:#b8175b;--s6:#0c7186;--s7:#4b5563;
--warn:#a34a00;--warn-paper:#fff4e5;--mark:#ffe58a}
@media(prefers-color-scheme:dark){:root{--paper:#14161a;--card:#1c1f25;--ink:#e8e6e1;--soft:#a2a9b5;
--line:#31353d;--s0:#6fb3ff;--s1:#ff9a5f;--s2:#5ed29b;--s3:#c79cff;--s4:#efc04b;--s5:#ff8cbf;--s6:#5fd0e2;
--s7:#b8c0cb;--warn:#ffb86b;--warn-paper:#33271a;--mark:#6b5600}}
`;

/** Curves within an SVG. */
export const CURVE_STYLE = `
svg text{font-size:11px;fill:var(--soft)}svg .label{font-size:10.5px}
svg .grid{stroke:var(--line);stroke-width:1}
svg .mark{stroke:var(--soft);stroke-dasharray:3 3}svg text.mark{stroke:none;fill:var(--ink)}
.cursor{stroke:var(--ink);stroke-width:1;display:none}.cursor.on{display:block}
polyline{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
polyline.raw{stroke-width:1;opacity:.35}circle{fill:var(--c)}.band{fill:var(--c);opacity:.16}
svg .dashed polyline{stroke-dasharray:5 4}
${Array.from({ length: 8 }, (_, i) => `.s${i}{--c:var(--s${i})}`).join("")}
`;

/** CSS. */
export const PAGE_STYLE = `
${THEME_STYLE}*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .25rem;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.4rem 0 .5rem}h3{font-size:1rem;margin:0}
.lead,.note,figcaption p,.empty,.key{color:var(--soft);margin:.15rem 0 .5rem}
nav{margin:.8rem 0 0;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem}
a{color:var(--s0)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:1rem;margin-top:1.2rem}
figure,article,.scroll{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px}
figure{padding:.8rem .9rem;display:flex;flex-direction:column}
:focus-visible{outline:3px solid var(--s0);outline-offset:2px}
svg{width:100%;height:auto;display:block;margin-top:.3rem;touch-action:pan-y}
${CURVE_STYLE}output{color:var(--soft);font-size:.88rem;font-variant-numeric:tabular-nums;min-height:1.4em;margin-top:auto}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem .9rem;padding:0;margin:.2rem 0;font-size:.88rem}
.legend i{display:inline-block;width:1.1em;border-top:3px solid var(--c);margin-right:.4em;vertical-align:.25em}
.legend .dashed i{border-top-style:dashed}
.bars dl{margin:.5rem 0;display:grid;gap:.3rem}
.bars dl div{display:grid;grid-template-columns:minmax(4.5rem,30%) 1fr;column-gap:.7rem;align-items:center}
.bars dt{grid-row:1/span 20;overflow-wrap:anywhere;font-size:.9rem}
.bars dd{grid-column:2;margin:0;display:flex;align-items:center;gap:.6rem}
.track{position:relative;flex:1;height:.8rem;border-radius:3px;background:var(--line)}
.track i{position:absolute;left:0;top:0;height:100%;background:var(--c);border-radius:3px}
.track i.reference,.key i{background:var(--ink);width:2px;border-radius:0;top:-2px;height:calc(100% + 4px)}
.key{font-size:.88rem}.key i{display:inline-block;height:.9em;margin-right:.5em;vertical-align:-.1em}
.bars b{min-width:3.6em;text-align:right;font-weight:500;font-size:.88rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{padding:.4rem .8rem;text-align:left;vertical-align:top;border-top:1px solid var(--line);white-space:nowrap}
td.long{white-space:normal;overflow-wrap:anywhere}
thead th{border-top:0;color:var(--soft);font-weight:600;white-space:nowrap}tbody th{font-weight:500;overflow-wrap:normal}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.text{max-width:70ch}.text p{margin:.4rem 0}
.warning{max-width:none;background:var(--warn-paper);border-left:4px solid var(--warn);border-radius:6px;padding:.3rem .9rem}
.slider{position:sticky;top:0;z-index:1;background:var(--paper);display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .9rem;padding:.6rem 0}
.slider label{flex:1 1 16rem;display:flex;align-items:center;gap:.7rem}.slider input{flex:1;min-width:8rem;accent-color:var(--s0)}
.slider output{min-width:3.5em;font-size:1rem;color:var(--ink);margin:0}
.samples:not(.on) .slider{display:none}.samples.on h3{display:none}
button{font:inherit;font-size:.9rem;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.25rem .7rem;cursor:pointer}
.step{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:1rem}
.step[hidden]{display:none}.step h3{grid-column:1/-1;margin-top:1rem}
article{padding:.8rem .9rem;min-width:0}
article header{display:flex;flex-wrap:wrap;gap:.1rem .9rem;font-size:.88rem;color:var(--soft)}
.reward{color:var(--ink)}.warn{color:var(--warn)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0 0;font:14px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.prompt{color:var(--soft);border-left:3px solid var(--line);padding-left:.7rem;max-height:12em;overflow-y:auto}
details{margin-top:.5rem}summary{cursor:pointer;font-size:.92rem;color:var(--s0)}
details pre{max-height:28em;overflow-y:auto;padding-left:.7rem;border-left:3px solid var(--line)}
mark{background:var(--mark);color:inherit;border-radius:3px;padding:0 .15em}
footer{margin-top:3rem;color:var(--soft);font-size:.88rem}
@media(prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media print{.slider{display:none}body{background:#fff}figure,article{break-inside:avoid}}
`;
