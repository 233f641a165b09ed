const LIGHT = `
--ink:#1a1d21;--soft:#555d68;--paper:#fff;--panel:#f6f7f9;--edge:#d5d9df;
--candidate:#1f5fbf;--champion:#a8520a;--good:#14713d;--bad:#b3261e;--warn:#8a5a00;
--good-paper:#e7f5ec;--bad-paper:#fdebea;--warn-paper:#fff5dc;
--s0:transparent;--s1:#dce8f8;--s2:#b3cef0;--s3:#7fabe3;--s4:#4a82cf;--s5:#1f5fbf;--on-dark:#fff;`;

const DARK = `
--ink:#e8eaed;--soft:#a9b0ba;--paper:#14171b;--panel:#1d2127;--edge:#3a414b;
--candidate:#7db0ff;--champion:#f0a25a;--good:#6fd39a;--bad:#ff8f87;--warn:#f2c14e;
--good-paper:#15301f;--bad-paper:#3a1a18;--warn-paper:#33280f;
--s0:transparent;--s1:#1c2b42;--s2:#24426e;--s3:#34619f;--s4:#5489d1;--s5:#7db0ff;--on-dark:#0d1117;`;

const SHADES = [0, 1, 2, 3, 4, 5]
  .map((shade) => `.shade${shade}{fill:var(--s${shade});background:var(--s${shade})}`)
  .join('');

/** The style of the HTML page: light, dark and printed, from 400 pixels up. Nothing is loaded. */
export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:72rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
h1{font-size:1.4rem;line-height:1.35;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-top:.4rem;border-top:1px solid var(--edge)}
h3{font-size:1rem;margin:0 0 .4rem}p{margin:.5rem 0}ul{margin:.5rem 0;padding-left:1.3rem}li,h1,h3,p{overflow-wrap:anywhere}
code,pre{font:.92em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;unicode-bidi:isolate}
pre{background:var(--panel);border:1px solid var(--edge);border-radius:6px;padding:.7rem .9rem;overflow-x:auto;white-space:pre-wrap}
.banner{border-radius:8px;padding:1rem 1.2rem;border:1px solid;border-left-width:6px}
.banner ul{margin-bottom:0}
.yes{background:var(--good-paper);border-color:var(--good)}.no{background:var(--bad-paper);border-color:var(--bad)}
.warning{background:var(--warn-paper);border:1px solid var(--warn);border-left-width:6px;border-radius:8px;padding:.5rem 1rem;margin:.7rem 0}
.method{color:var(--soft);font-size:.92rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--edge);vertical-align:middle}
thead th{color:var(--soft);font-weight:600;border-bottom-width:2px}tbody th{font-weight:600;overflow-wrap:anywhere;min-width:10rem}
td.fail,td.pass{white-space:nowrap}td.fail{color:var(--bad);font-weight:600}td.pass{color:var(--good);font-weight:600}
details{margin:.7rem 0}summary{cursor:pointer;color:var(--soft)}
.figures{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));margin:1rem 0}
figure{margin:0;padding:.9rem;background:var(--panel);border:1px solid var(--edge);border-radius:8px;min-width:0;max-width:36rem}
figure:has(.large){max-width:none;grid-column:1/-1}figure:has(.matrix){max-width:none}
figcaption{font-size:.88rem;color:var(--soft)}
.legend{list-style:none;margin:.4rem 0 0;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.88rem;color:var(--soft)}
.wide{overflow-x:auto}
.matrix{width:auto}.matrix th,.matrix td{padding:.2rem .35rem;font-size:.85rem;border:1px solid var(--edge);text-align:right;white-space:nowrap;overflow-wrap:normal}
.matrix td{min-width:2.2rem}.upright thead th{vertical-align:bottom}.upright thead th span{writing-mode:vertical-rl;transform:rotate(180deg)}.upright thead th:first-child{min-width:8rem}.matrix tbody th{min-width:0;position:sticky;left:0;background:var(--panel)}.matrix td.shade3{color:var(--ink)}.matrix td.shade4,.matrix td.shade5{color:var(--on-dark)}
.good{background:var(--good-paper)}.bad{background:var(--bad-paper)}.strong{font-weight:700}
svg{display:block}.plot{width:100%;height:auto}.interval-plot{width:180px;height:30px;max-width:100%}
.sample{display:inline-block;width:28px;height:14px;vertical-align:-2px}
svg text{fill:var(--soft);font:13px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}svg text.small{font-size:11px}
line,polyline{fill:none;stroke-width:1}.grid{stroke:var(--edge)}
.reference{stroke:var(--soft);stroke-dasharray:2 4;stroke-width:1.5}
polyline.candidate,line.candidate{stroke:var(--candidate);stroke-width:2.5}circle.candidate{fill:var(--candidate)}
polyline.champion,line.champion,path.champion{fill:none;stroke:var(--champion);stroke-width:2;stroke-dasharray:7 4}
circle.champion{fill:var(--paper);stroke:var(--champion);stroke-width:2}
.candidate-area{fill:var(--candidate);fill-opacity:.4;stroke:var(--candidate);stroke-width:1}
.count{fill:var(--edge)}.expected{fill:var(--paper);stroke:var(--champion);stroke-width:1.5}.found{fill:var(--candidate)}
.zero{stroke:var(--soft);stroke-width:1.5}.limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}
.interval{stroke:var(--candidate);stroke-width:2.5}.interval.worse{stroke:var(--bad)}
${SHADES}
@media (max-width:44rem){body{padding:.9rem}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack tr{display:block;border-bottom:1px solid var(--edge);padding:.4rem 0}
.stack th,.stack td{display:flex;gap:.8rem;border:0;padding:.12rem 0}.stack tbody th{font-size:1rem;min-width:0}
.stack td::before{content:attr(data-label);flex:0 0 8.5rem;color:var(--soft);font-weight:400}.stack td:empty{display:none}}
@media print{:root{color-scheme:light;${LIGHT}}body{max-width:none;padding:0;font-size:10pt}table{font-size:8pt}th,td{padding:.2rem .35rem}tbody th{min-width:6rem}.interval-plot{width:6rem}
figure,tr,.banner,.warning{break-inside:avoid}h2,h3{break-after:avoid}.wide{overflow:visible}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`.replaceAll('\n', '');
