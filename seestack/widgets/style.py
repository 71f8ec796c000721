"""The looks of the panel: the colours of the front end, and places that do not jump."""

__all__ = ["STYLE"]

# Charts are drawn dark on white; a dark theme turns them over. What the notebook keeps for
# readers without a kernel is hidden as long as there is a living panel on the page.
STYLE = """<style>
.seestack-still { display: none; }
.seestack-panel { --line: var(--jp-border-color2, var(--vscode-panel-border, #8888));
  --alert: var(--jp-error-color1, var(--vscode-errorForeground, #d32f2f));
  border: 1px solid var(--line); border-radius: 4px; padding: 8px 10px;
  container: seestack-panel / inline-size; }
.seestack-panel > * { flex: none; }
.seestack-panel .widget-tab, .seestack-panel .jupyter-widget-tab { min-width: 0; }
.seestack-panel .seestack-state { min-height: 2.8em; margin-bottom: 6px; }
.seestack-panel .seestack-state .widget-html-content { line-height: 1.35; overflow: hidden; }
.seestack-state b { display: inline-block; min-width: 5.2em; padding: 0 .5em; margin-right: .7em;
  text-align: center; border-radius: 9px; border: 1px solid currentColor; font-weight: 600; }
.seestack-state .running b { color: #fff; background: #0072B2; border-color: #0072B2; }
.seestack-state .finished b { color: #fff; background: #00795a; border-color: #00795a; }
.seestack-state .trouble, .seestack-state .failed { color: var(--alert); }
.seestack-state .failed b, .seestack-state .trouble b { color: #fff; background: #c62828;
  border-color: #c62828; }
.seestack-hint, .seestack-hint .widget-html-content { font-size: 12px; line-height: 1.35;
  color: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, inherit)); margin: 0; }
.seestack-panel .seestack-label { line-height: 20px; margin: 0 2px; }
.seestack-picture { background: #0b0b0b; border-radius: 3px; overflow: hidden; }
.seestack-picture img, img.seestack-picture { object-fit: contain; }
.seestack-panel img { max-width: none; margin: 0; }
.seestack-panel .widget-tab > .widget-tab-contents, .seestack-panel .jupyter-widget-tab-contents {
  padding: 6px; }
.seestack-panel .lm-TabBar-tab { flex: 0 1 auto !important; min-width: 0 !important; }
[data-jp-theme-light="false"] .seestack-chart, .vscode-dark .seestack-chart {
  filter: invert(.93) hue-rotate(180deg); }
.seestack-panel .seestack-figure { display: block; aspect-ratio: 54 / 64; height: auto; }
.seestack-panel .seestack-error { margin: 0; font-size: 12px; line-height: 1.5; color: var(--alert);
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.seestack-table, .seestack-table .widget-html-content { width: 100%; min-width: 0; }
.seestack-table { container: seestack-table / inline-size; min-height: 600px; }
.seestack-rows { width: 100%; max-height: 600px; overflow: auto; }
.seestack-panel .seestack-rows table { border-collapse: collapse; font-size: 11.5px; width: 100%;
  line-height: 1.3; margin: 0; font-variant-numeric: tabular-nums; }
.seestack-panel .seestack-rows th { position: sticky; top: 0; font-weight: 600;
  background: var(--jp-layout-color1, var(--vscode-editor-background, #fff)); }
.seestack-panel .seestack-rows th, .seestack-panel .seestack-rows td { padding: 2px 5px;
  text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
.seestack-panel .seestack-rows .text { text-align: left; max-width: 14em; overflow: hidden;
  text-overflow: ellipsis; }
.seestack-panel .seestack-rows .verdict { width: 99%; min-width: 11em; max-width: none;
  white-space: normal; overflow-wrap: anywhere; }
.seestack-panel .seestack-rows .left-out td.verdict { color: var(--alert); }
.seestack-panel .seestack-remedy { display: block; font-size: 11.5px; line-height: 1.35;
  color: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, inherit)); }
@container seestack-table (max-width: 800px) { .seestack-rows .widest { display: none; } }
@container seestack-table (max-width: 600px) { .seestack-rows .wide { display: none; } }
@container seestack-panel (max-width: 860px) {
  .seestack-viewer { margin: 0 auto !important; }
  .seestack-panel .seestack-state { min-height: 4.2em; }
  .seestack-table { min-height: 636px; } .seestack-rows { max-height: 636px; } }
</style>"""
