internal import Metainfo
internal import Mustache
internal import NIOHTTP1
internal import SwarmCore

/// The templates of all pages, parsed once. What comes from outside stands in them as `{{name}}` only, so that it is
/// escaped; `{{{name}}}` is for parts that are made from templates themselves.
enum PageTemplates {
    static let library: MustacheLibrary = {
        MustacheContentTypes.register(PageText.Escaping(), named: "PAGE")
        var library = MustacheLibrary()
        for (name, text) in [
            "frame": frame, "overview": overview, "nodes": nodes, "node": node, "snapshot": snapshot, "chart": chart,
            "message": message, "popular": popular, "trafficHead": trafficHead, "trafficCells": trafficCells,
        ] {
            do { try library.register("{{% CONTENT_TYPE:PAGE}}" + text, named: name) } catch {
                preconditionFailure("the template “\(name)” is broken: \(error)")
            }
        }
        return library
    }()

    /// A template filled in.
    static func render(_ name: String, _ object: Any) -> String {
        library.render(object, withTemplate: name) ?? ""
    }

    /// What every page has around its content.
    struct Frame {
        let title: String
        let layout: String
        let content: String
        let styleVersion = version(of: Stylesheet.text)
        let scriptVersion = version(of: LiveScript.text)
    }

    /// A whole page.
    static func page(title: String, layout: String, content: String) -> Reply {
        let html = render("frame", Frame(title: title, layout: layout, content: content))
        return .page(.ok, html)
    }

    /// Changes when a file does, so that browsers may keep it for good.
    static func version(of text: String) -> String {
        String(Hex.encode(Digest.sha256(Array(text.utf8)).bytes).prefix(12))
    }

    private static let frame = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>{{title}}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="stylesheet" href="/style.css?{{styleVersion}}">
        <noscript><meta http-equiv="refresh" content="30"></noscript>
        <script src="/live.js?{{scriptVersion}}" defer></script>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top"><nav aria-label="Site"><a href="/">swarm-tracker</a></nav><p id="live" role="status"></p></header>
        <main id="main" data-layout="{{layout}}">
        {{{content}}}
        </main>
        <footer><p><a href="/report.txt">Report as text</a> <a href="/api/v1/report">as JSON</a> <a href="/metrics">Metrics</a></p></footer>
        </body>
        </html>

        """

    private static let overview = """
        <h1>Mirror network</h1>
        <p><span data-live="summary">{{summary}}</span>. As of <time datetime="{{time.iso}}">{{time.utc}}</time>.</p>
        {{#warnings}}<p class="warning">{{.}}</p>
        {{/warnings}}
        {{^sets}}<p>No set’s feed was read yet.</p>
        {{/sets}}
        {{#hasNodes}}
        <form class="filter" method="get" action="/">
        <fieldset><legend>Nodes to show</legend>
        <span class="field"><label for="q">Name, region or error</label> <input id="q" name="q" type="search" maxlength="100" value="{{text}}"></span>
        <span class="field"><label for="state">State</label> <select id="state" name="state"><option value="">any</option>{{#states}}<option value="{{name}}"{{#isChosen}} selected{{/isChosen}}>{{name}}</option>{{/states}}</select></span>
        <input type="hidden" name="sort" value="{{sort}}"><input type="hidden" name="order" value="{{order}}">
        <button type="submit">Show</button>
        {{#isFiltered}}<a href="/">Show all</a>{{/isFiltered}}
        </fieldset></form>
        {{/hasNodes}}
        {{#sets}}
        <section aria-labelledby="set-{{name}}">
        <h2 id="set-{{name}}">{{name}}</h2>
        <p class="aside">Feed {{feedVersion}}, read <time data-ago datetime="{{read.iso}}">{{read.ago}}</time>. <a href="/sets/{{name}}/popular">Most read files</a></p>
        {{^newest}}<p>No snapshot is live.</p>{{/newest}}
        {{#newest}}
        <h3>Newest: <a href="{{url}}">snapshot {{serial}}</a> <span class="badge" data-live="{{key}}/hold">{{hold}}</span></h3>
        {{{summaryPart}}}
        {{{table}}}
        {{/newest}}
        {{#hasEarlier}}
        <div class="scroll" role="region" tabindex="0" aria-label="Earlier snapshots of {{name}}">
        <table class="narrow"><caption><span>Earlier snapshots of {{name}}</span></caption>
        <thead><tr><th scope="col">Snapshot</th><th scope="col">Made</th><th scope="col">Size</th><th scope="col">Nodes</th></tr></thead>
        <tbody>
        {{#earlier}}
        <tr><th scope="row"><a href="{{url}}">{{serial}} <code>{{short}}</code></a> <span class="badge" data-live="{{key}}/hold">{{hold}}</span></th><td><time data-ago datetime="{{created.iso}}">{{created.ago}}</time></td><td>{{size}}</td><td data-live="{{key}}/nodes">{{nodes}}</td></tr>
        {{/earlier}}
        </tbody></table></div>
        {{/hasEarlier}}
        </section>
        {{/sets}}
        """

    private static let snapshot = """
        {{#isWhole}}
        <nav aria-label="Where you are"><a href="/">Overview</a> › {{set}} › snapshot {{serial}} · <a href="/sets/{{set}}/popular">Most read files</a></nav>
        <h1>{{set}}, snapshot {{serial}} <span class="badge" data-live="{{key}}/hold">{{hold}}</span></h1>
        {{/isWhole}}
        <dl>
        {{#isWhole}}<dt>UUID</dt><dd><code>{{uuid}}</code></dd>{{/isWhole}}
        <dt>Made</dt><dd><time data-ago datetime="{{created.iso}}">{{created.ago}}</time> <span class="aside">({{created.utc}})</span></dd>
        <dt>Size</dt><dd>{{size}}</dd>
        <dt>Nodes</dt><dd><meter min="0" max="1" value="{{nodesShare}}" data-live="{{key}}/nodes" aria-label="Nodes that have it"></meter> <span data-live="{{key}}/nodes">{{nodes}}</span> <span class="aside">(<span data-live="{{key}}/states">{{states}}</span>)</span></dd>
        <dt>Bytes</dt><dd><meter min="0" max="1" value="{{bytesShare}}" data-live="{{key}}/bytes" aria-label="Bytes that the nodes have"></meter> <span data-live="{{key}}/bytes">{{bytes}}</span></dd>
        <dt>Traffic</dt><dd data-live="{{key}}/traffic">{{traffic}}</dd>
        </dl>
        {{#hasChart}}
        <figure data-chart="{{url}}/chart.svg" data-live="{{key}}/bytes">{{{chart}}}<figcaption>Progress over time (UTC)</figcaption></figure>
        {{/hasChart}}
        {{#isWhole}}
        {{#hasRegions}}
        <div class="scroll" role="region" tabindex="0" aria-label="By region">
        <table class="narrow"><caption><span>By region</span></caption>
        <thead><tr><th scope="col">Region</th><th scope="col">Nodes</th><th scope="col">Have it</th><th scope="col">Bytes</th>{{> trafficHead}}</tr></thead>
        <tbody>
        {{#regions}}
        <tr><th scope="row">{{region}}</th><td class="number">{{nodeCount}}</td><td class="number">{{have}}</td><td class="number">{{done}}</td>{{> trafficCells}}</tr>
        {{/regions}}
        </tbody></table></div>
        {{/hasRegions}}
        {{{table}}}
        {{/isWhole}}
        """

    private static let trafficHead =
        #"<th scope="col">From nodes</th><th scope="col">From the master</th><th scope="col">By HTTP</th>"#

    private static let trafficCells =
        #"<td class="number">{{traffic.peers}}{{#traffic.isSplit}}<br><span class="aside">{{traffic.near}} near</span>"#
        + #"<br><span class="aside">{{traffic.far}} far</span>{{/traffic.isSplit}}</td>"#
        + #"<td class="number">{{traffic.master}}</td><td class="number">{{traffic.http}}</td>"#

    private static let nodes = """
        <div class="scroll" role="region" tabindex="0" aria-label="{{caption}}">
        <table class="nodes"><caption><span>{{caption}}{{#isFiltered}}: {{shown}} of {{all}} shown{{/isFiltered}}</span></caption>
        <thead><tr>
        {{#columns}}<th scope="col"{{#isSorted}} aria-sort="{{direction}}"{{/isSorted}}><a href="{{link}}">{{title}}{{#isSorted}}<span aria-hidden="true"> {{arrow}}</span>{{/isSorted}}</a></th>
        {{/columns}}
        <th scope="col">Hindered by</th></tr></thead>
        <tbody>
        {{#rows}}
        <tr><th scope="row"><a href="/nodes/{{node}}">{{node}}</a></th><td class="brief">{{region}}</td><td><span class="state" data-live="{{key}}/state" data-state="{{state}}">{{state}}</span></td><td class="done"><meter min="0" max="1" value="{{share}}" data-live="{{key}}/done" aria-hidden="true"></meter> <span data-live="{{key}}/done">{{done}}</span></td><td class="brief" data-live="{{key}}/left">{{left}}</td><td><time data-ago data-live="{{key}}/reported" datetime="{{reported.iso}}">{{reported.ago}}</time></td><td class="error" data-live="{{key}}/error">{{error}}</td></tr>
        {{/rows}}
        {{^rows}}
        <tr><td colspan="7">{{emptyText}}</td></tr>
        {{/rows}}
        </tbody></table></div>
        """

    private static let node = """
        <nav aria-label="Where you are"><a href="/">Overview</a> › {{name}}</nav>
        <h1>{{name}}</h1>
        {{#warnings}}<p class="warning">{{.}}</p>
        {{/warnings}}
        <dl>
        {{#facts}}<dt>{{name}}</dt><dd>{{value}}</dd>
        {{/facts}}
        {{#hasReported}}<dt>Reported</dt><dd><time data-ago datetime="{{reported.iso}}">{{reported.ago}}</time> <span class="aside">({{reported.utc}})</span></dd>{{/hasReported}}
        {{#hasURLs}}<dt>For readers</dt><dd><ul class="plain">{{#urls}}<li>{{#isLink}}<a href="{{text}}" rel="noreferrer nofollow">{{text}}</a>{{/isLink}}{{^isLink}}{{text}}{{/isLink}}</li>{{/urls}}</ul></dd>{{/hasURLs}}
        </dl>
        {{#sets}}
        <section aria-labelledby="set-{{set}}">
        <h2 id="set-{{set}}">{{set}}</h2>
        <p>{{#sentences}}{{.}} {{/sentences}}</p>
        {{#isHindered}}<p class="warning">{{error}}</p>{{/isHindered}}
        <div class="scroll" role="region" tabindex="0" aria-label="Snapshots of {{set}} at {{name}}">
        <table><caption><span>Snapshots of {{set}}</span></caption>
        <thead><tr><th scope="col">Snapshot</th><th scope="col">State</th><th scope="col">Done</th><th scope="col">Left</th><th scope="col">There already</th>{{> trafficHead}}<th scope="col">Hindered by</th></tr></thead>
        <tbody>
        {{#snapshots}}
        <tr><th scope="row"><a href="{{url}}">{{serial}} <code>{{short}}</code></a></th><td><span class="state" data-live="{{key}}/state" data-state="{{state}}">{{state}}</span></td><td class="done"><meter min="0" max="1" value="{{share}}" data-live="{{key}}/done" aria-hidden="true"></meter> <span data-live="{{key}}/done">{{done}}</span></td><td class="brief" data-live="{{key}}/left">{{left}}</td><td class="number">{{traffic.linked}}</td>{{> trafficCells}}<td class="error" data-live="{{key}}/error">{{hindered}}</td></tr>
        {{/snapshots}}
        </tbody></table></div>
        </section>
        {{/sets}}
        """

    private static let popular = """
        <nav aria-label="Where you are"><a href="/">Overview</a> › {{set}} › most read</nav>
        <h1>{{set}}, most read files</h1>
        <p>{{sentence}}</p>
        <form class="filter" method="get" action="/sets/{{set}}/popular">
        <fieldset><legend>What to show</legend>
        <span class="field"><label for="days">Days, today included</label> <input id="days" name="days" type="number" min="1" max="{{dayLimit}}" value="{{days}}"></span>
        <span class="field"><label for="limit">Files at most</label> <input id="limit" name="limit" type="number" min="1" max="{{fileLimit}}" value="{{limit}}"></span>
        <button type="submit">Show</button>
        </fieldset></form>
        {{^hasRows}}<p>No node has reported that anything was read. Nodes count what they serve themselves, by <code>http-listen</code>.</p>{{/hasRows}}
        {{#hasRows}}
        <div class="scroll" role="region" tabindex="0" aria-label="{{caption}}">
        <table class="popular"><caption><span>{{caption}}</span></caption>
        <thead><tr><th scope="col">File</th><th scope="col">Reads</th></tr></thead>
        <tbody>
        {{#rows}}
        <tr><th scope="row">{{path}}</th><td class="done"><meter min="0" max="1" value="{{share}}" aria-hidden="true"></meter> <span>{{reads}}</span></td></tr>
        {{/rows}}
        </tbody></table></div>
        {{/hasRows}}
        """

    private static let chart = """
        <svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{{id}}-title {{id}}-desc">
        <title id="{{id}}-title">{{title}}</title>
        <desc id="{{id}}-desc">{{description}}</desc>
        {{#drawings}}
        <svg class="{{kind}}"{{{hiding}}} viewBox="0 0 {{width}} {{height}}">
        {{#levels}}<line class="grid" x1="{{left}}" x2="{{right}}" y1="{{y}}" y2="{{y}}"/><text class="tick" x="{{labelX}}" y="{{y}}" dy="4" text-anchor="end">{{label}}</text>
        {{/levels}}
        {{#times}}<line class="grid" x1="{{x}}" x2="{{x}}" y1="{{top}}" y2="{{bottom}}"/><text class="tick" x="{{x}}" y="{{labelY}}" text-anchor="{{anchor}}">{{label}}</text>
        {{/times}}
        <polygon class="area" points="{{area}}"/>
        {{#lines}}<polyline class="line {{kind}}" points="{{points}}"/><text class="name {{kind}}" x="{{nameX}}" y="{{nameY}}" dy="4">{{name}}</text>
        {{/lines}}
        </svg>
        {{/drawings}}
        </svg>
        """

    private static let message = """
        <h1>{{title}}</h1>
        <p>{{text}}</p>
        <p><a href="/">Overview</a></p>
        """
}
