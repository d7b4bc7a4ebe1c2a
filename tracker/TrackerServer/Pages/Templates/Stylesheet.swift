/// How the pages look, in light and dark, on narrow screens and on paper. Colours have a contrast of 4.5 : 1 and more
/// (WCAG 2.2, 1.4.3), and say nothing that words do not say as well.
enum Stylesheet {
    static let text = """
        :root {
          color-scheme: light dark;
          --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de; --link: #0550ae; --tint: #f6f8fa;
          --good: #116329; --mid: #7a4b00; --bad: #a40e26; --busy: #0550ae; --fill: #0969da; --warn: #fff8c5;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #0d1117; --ink: #e6edf3; --soft: #9aa4af; --rule: #30363d; --link: #79b8ff; --tint: #161b22;
            --good: #56d364; --mid: #e3b341; --bad: #ff938a; --busy: #79b8ff; --fill: #388bfd; --warn: #3a2d07;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0 auto; max-width: 76rem; padding: 0 1rem 2rem; background: var(--paper); color: var(--ink);
          font: 1rem/1.5 system-ui, sans-serif;
        }
        a { color: var(--link); }
        a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, .scroll:focus-visible {
          outline: 3px solid var(--fill); outline-offset: 2px;
        }
        .skip { position: absolute; left: -100rem; }
        .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; }
        .top {
          display: flex; justify-content: space-between; align-items: baseline; gap: 1rem;
          border-bottom: 1px solid var(--rule); padding: .75rem 0;
        }
        .top nav a { font-weight: 600; text-decoration: none; color: inherit; }
        .top p { margin: 0; color: var(--soft); }
        #live[data-on]::before { content: "●"; color: var(--good); margin-right: .4rem; }
        h1 { font-size: 1.6rem; margin: 1rem 0 .5rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.3rem; margin: 2rem 0 0; overflow-wrap: anywhere; }
        h3 { font-size: 1.05rem; margin: 1rem 0 .5rem; }
        p { margin: .5rem 0; }
        code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
        .aside { color: var(--soft); }
        .warning { background: var(--warn); border-left: 4px solid var(--mid); padding: .5rem .75rem; overflow-wrap: anywhere; }
        .badge:not(:empty) {
          font-size: .85rem; font-weight: 600; color: var(--mid); border: 1px solid currentColor; border-radius: 1rem;
          padding: 0 .6rem; white-space: nowrap;
        }
        dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.25rem; margin: .5rem 0 1rem; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        ul.plain { list-style: none; margin: 0; padding: 0; }
        meter { width: 10rem; height: 1rem; vertical-align: -.1rem; }
        td meter { width: 5rem; }
        .filter fieldset {
          border: 1px solid var(--rule); border-radius: .4rem; display: flex; flex-wrap: wrap; gap: .5rem .75rem;
          align-items: center; margin: 1rem 0 0; padding: .5rem .75rem;
        }
        .filter .field { display: flex; flex-wrap: wrap; gap: .25rem .5rem; align-items: center; }
        .filter legend { color: var(--soft); padding: 0 .25rem; }
        input, select, button {
          font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--soft); border-radius: .3rem;
          padding: .25rem .5rem; min-height: 2rem; max-width: 100%;
        }
        button { background: var(--tint); cursor: pointer; }
        .scroll { overflow-x: auto; margin: 1rem 0; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        table.narrow { width: auto; }
        caption { text-align: left; font-weight: 600; padding: .25rem 0; }
        th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--rule); }
        tbody th { font-weight: normal; }
        thead th { white-space: nowrap; font-size: .9rem; color: var(--soft); }
        table.popular tbody th { white-space: normal; overflow-wrap: anywhere; }
        td.number { text-align: right; white-space: nowrap; }
        td.done, td.brief, td time, tbody th { white-space: nowrap; }
        main > nav { margin: .75rem 0 0; color: var(--soft); }
        td.error { min-width: 14rem; overflow-wrap: anywhere; }
        td.error:empty { min-width: 0; }
        .state::before { content: "●"; margin-right: .4rem; }
        .state { white-space: nowrap; }
        .state[data-state="active"], .state[data-state="ready"] { color: var(--good); }
        .state[data-state="fetching"] { color: var(--busy); }
        .state[data-state="waiting"] { color: var(--mid); }
        .state[data-state="silent"] { color: var(--bad); }
        figure { margin: 1rem 0; max-width: 52rem; }
        figcaption, caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 2rem); }
        figcaption { color: var(--soft); font-size: .9rem; }
        .chart { display: block; width: 100%; aspect-ratio: 800 / 260; background: var(--tint); border-radius: .4rem; }
        .chart .grid { stroke: var(--rule); stroke-width: 1; }
        .chart .tick { fill: var(--soft); font: 12px system-ui, sans-serif; }
        .chart .area { fill: var(--fill); opacity: .12; }
        .chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .chart .name { font: 600 12px system-ui, sans-serif; }
        .chart .bytes { stroke: var(--fill); }
        .chart .complete { stroke: var(--good); stroke-dasharray: 7 3; }
        .chart .active { stroke: var(--mid); stroke-dasharray: 2 3; }
        .chart .name.bytes { fill: var(--busy); stroke: none; }
        .chart .name.complete { fill: var(--good); stroke: none; }
        .chart .name.active { fill: var(--mid); stroke: none; }
        footer { border-top: 1px solid var(--rule); margin-top: 2rem; padding-top: .5rem; }
        footer a { margin-right: 1rem; }
        @media (max-width: 40rem) {
          dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
          dd { margin-bottom: .5rem; }
          .chart { aspect-ratio: 320 / 250; max-width: 28rem; }
          .chart .wide { display: none; }
          .chart .narrow { display: inline; }
          .chart .tick, .chart .name { font-size: 13px; }
        }
        @media print { .filter, .top, footer { display: none; } }

        """
}
