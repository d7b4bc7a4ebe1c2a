/// What keeps an open page up to date, where the browser runs it. It puts texts where texts are, and never markup; a page
/// whose sets, snapshots or nodes changed is asked for anew.
enum LiveScript {
    static let text = #"""
        "use strict";
        (() => {
          const status = document.getElementById("live");
          // By how much this clock is before the tracker's, in milliseconds.
          let offset = 0;
          const charts = new Map();

          function duration(seconds) {
            const s = Math.max(0, Math.round(seconds));
            const two = (a, u, b, v) => b ? `${a}${u} ${b}${v}` : `${a}${u}`;
            if (s < 60) return `${s}s`;
            if (s < 3600) return two(Math.floor(s / 60), "m", s % 60, "s");
            if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor(s % 3600 / 60), "m");
            return two(Math.floor(s / 86400), "d", Math.floor(s % 86400 / 3600), "h");
          }

          function setText(element, text) {
            if (element.textContent !== text) element.textContent = text;
          }

          function tellAges() {
            const now = Date.now() - offset;
            for (const time of document.querySelectorAll("time[data-ago]"))
              setText(time, `${duration((now - Date.parse(time.dateTime)) / 1000)} ago`);
          }

          function apply(values) {
            for (const element of document.querySelectorAll("[data-live]")) {
              const value = values[element.dataset.live];
              if (!value) continue;
              if (element.tagName === "METER") element.value = value.share || 0;
              else if (element.tagName === "TIME") element.dateTime = value.text;
              else if (element.tagName === "FIGURE") charts.set(element, true);
              else {
                setText(element, value.text);
                if ("state" in element.dataset) element.dataset.state = value.text;
              }
            }
          }

          async function draw() {
            const due = [...charts.keys()];
            charts.clear();
            for (const figure of due) {
              if (!figure.isConnected) continue;
              try {
                const answer = await fetch(figure.dataset.chart);
                if (!answer.ok) continue;
                const drawn = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
                const old = figure.querySelector("svg");
                if (drawn.nodeName === "svg" && old) old.replaceWith(document.importNode(drawn, true));
              } catch { /* The next change tries again. */ }
            }
          }

          let loading = false;
          async function reload(layout) {
            const main = document.getElementById("main");
            const active = main.contains(document.activeElement) ? document.activeElement : null;
            // Who types or chooses is not disturbed.
            if (loading || main.dataset.layout === layout || active?.matches("input, select")) return;
            loading = true;
            try {
              const answer = await fetch(location.href);
              const page = new DOMParser().parseFromString(await answer.text(), "text/html");
              const fresh = page.getElementById("main");
              if (fresh) {
                main.replaceWith(document.importNode(fresh, true));
                // The keyboard stays where it was.
                const link = active?.getAttribute("href");
                if (link) document.querySelector(`#main a[href="${CSS.escape(link)}"]`)?.focus();
              }
            } catch { /* The next event tries again. */ } finally { loading = false; }
          }

          let layout = "";
          function open() {
            const source = new EventSource("/events");
            source.addEventListener("state", event => {
              const state = JSON.parse(event.data);
              offset = Date.now() - Date.parse(state.time);
              layout = state.layout;
              setText(status, "live");
              status.dataset.on = "";
              apply(state.values);
              tellAges();
              reload(layout);
            });
            source.onerror = () => {
              setText(status, "not live: no connection");
              delete status.dataset.on;
              // A refusal ends the source; a broken connection it mends by itself.
              if (source.readyState === EventSource.CLOSED) setTimeout(open, 30000);
            };
          }

          open();
          setInterval(tellAges, 1000);
          setInterval(draw, 5000);
          setInterval(() => { if (layout) reload(layout); }, 10000);
        })();

        """#
}
