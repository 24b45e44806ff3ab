#ifndef WALGUARD_PREFLIGHT_RENDER_HTML_STYLE_H_
#define WALGUARD_PREFLIGHT_RENDER_HTML_STYLE_H_

#include <string_view>

namespace walguard::preflight {

/// The style sheet of the report's page. Every pair of text and background has a contrast of 4.5 or more, in
/// light, dark and print.
inline constexpr std::string_view kHtmlStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1b1f24; --muted: #57606a;
  --line: #d5dae0; --safe: #12702f; --unsafe: #b3202a; --unproven: #7d5200; --ink: #0b5cad; --soft: #a9cdf2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #121519; --card: #1b2026; --text: #e7eaee; --muted: #a3adb8; --line: #353d47;
    --safe: #56d07a; --unsafe: #ff8a84; --unproven: #e5b84b; --ink: #74b4ff; --soft: #2c5480; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 40px; }
h1 { margin: 0 0 4px; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 32px 0 8px; font-size: 1.15rem; }
h3 { margin: 0 0 8px; font-size: 1rem; }
p { margin: 4px 0; }
ul { margin: 0; padding-left: 1.2em; overflow-wrap: anywhere; }
li { margin: 4px 0; }
.muted { color: var(--muted); }
.cards { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); margin-top: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; }
.verdict { border-left: 6px solid currentColor; }
.verdict p, .verdict h3 { color: var(--text); }
.verdict strong { font-size: 1.25rem; letter-spacing: .03em; }
.safe, .pass { color: var(--safe); }
.unsafe, .fail, .unsupported { color: var(--unsafe); }
.unproven, .not-run { color: var(--unproven); }
.plots { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); align-items: start; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .94rem; }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-top: 1px solid var(--line); }
tr:first-child > th, tr:first-child > td { border-top: 0; }
thead + tbody > tr:first-child > * { border-top: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; }
tbody th { font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; min-width: 6.5em; }
td.wide { min-width: 16em; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; max-width: 620px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--text); white-space: pre;
  paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
svg .strong { font-weight: 600; }
svg .muted { fill: var(--muted); }
.grid { stroke: var(--line); stroke-width: 1; }
.range { stroke-linecap: butt; }
.thin { stroke: var(--soft); stroke-width: 3; }
.thick { stroke: var(--soft); stroke-width: 9; }
.tick { stroke: var(--ink); stroke-width: 2; }
.p50, .bar { fill: var(--ink); }
.max { fill: var(--card); stroke: var(--ink); stroke-width: 2; }
footer { margin-top: 32px; padding-top: 12px; border-top: 1px solid var(--line); font-size: .9rem; }
/* On a telephone what was seen stands below its check instead of beside it. */
@media (max-width: 640px) {
  .checks thead { display: none; }
  .checks tr { display: grid; grid-template-columns: 1fr auto auto; border-top: 1px solid var(--line); padding: 6px 0; }
  .checks tr > * { border: 0 !important; padding: 1px 12px; min-width: 0; }
  .checks td.wide { grid-column: 1 / -1; }
}
@media print {
  :root { color-scheme: light; --page: #ffffff; --card: #ffffff; --text: #000000; --muted: #444444; --line: #b8b8b8;
    --safe: #12702f; --unsafe: #b3202a; --unproven: #7d5200; --ink: #0b5cad; --soft: #a9cdf2; }
  body { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  .card, tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace walguard::preflight

#endif  // WALGUARD_PREFLIGHT_RENDER_HTML_STYLE_H_
