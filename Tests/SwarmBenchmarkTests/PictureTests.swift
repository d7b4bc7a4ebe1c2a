import Foundation
import FoundationXML
import Testing

@testable import SwarmBenchmark

@Suite("The picture")
struct PictureTests {
    /// Elements of a well-formed document, with their attributes.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [(name: String, attributes: [String: String])] = []
        var texts: [String] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append((name, attributes))
            texts.append("")
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) { texts[texts.count - 1] += text }
    }

    private func read(_ picture: Picture) throws -> Reader {
        let reader = Reader()
        let parser = XMLParser(data: Data(picture.svg.utf8))
        parser.delegate = reader
        try #require(parser.parse(), "\(String(describing: parser.parserError))\n\(picture.svg)")
        return reader
    }

    @Test("It is well-formed XML, whatever the names are, and has colours for light and dark pages")
    func wellFormed() throws {
        let chart = Chart(
            title: "a < b & \"c\"", xLabel: "files", series: [.init("<rsync>", [(x: 1, y: 0.1), (x: 8, y: 0.7)])])
        let reader = try read(Picture([chart, chart]))
        #expect(reader.elements.first?.name == "svg")
        #expect(reader.texts.contains("a < b & \"c\"\n"))
        #expect(reader.texts.contains { $0.contains("prefers-color-scheme: dark") })
        #expect(reader.elements.filter { $0.name == "polyline" }.count == 2)
    }

    @Test("Each value has a point, and ten times as much is always as far apart")
    func scale() throws {
        let chart = Chart(
            title: "t", xLabel: "mirrors", series: [.init("one", [(x: 1, y: 0.01), (x: 10, y: 0.1), (x: 100, y: 1)])])
        let circles = try read(Picture([chart])).elements.filter { $0.name == "circle" }
        let places = circles.compactMap { element -> (x: Double, y: Double)? in
            guard let x = element.attributes["cx"].flatMap(Double.init),
                let y = element.attributes["cy"].flatMap(Double.init)
            else { return nil }
            return (x, y)
        }
        try #require(places.count == 3)
        #expect(abs((places[1].x - places[0].x) - (places[2].x - places[1].x)) < 0.2)
        #expect(abs((places[1].y - places[0].y) - (places[2].y - places[1].y)) < 0.2)
        // More is further to the right, and higher up.
        #expect(places[2].x > places[0].x && places[2].y < places[0].y)
    }

    @Test("What cannot lie on a logarithmic axis is left out, and a single value has a place")
    func degenerate() throws {
        let chart = Chart(
            title: "t", xLabel: "x", series: [.init("one", [(x: 1, y: 0), (x: 2, y: 0.5)]), .init("two", [])])
        #expect(chart.series.count == 1)
        #expect(try read(Picture([chart])).elements.filter { $0.name == "circle" }.count == 1)
        #expect(try read(Picture([])).elements.first?.name == "svg")
    }

    @Test("The charts show the last update of each technique, at the size with the most numbers of mirrors")
    func costs() throws {
        var updates: [Distribution] = []
        for (technique, mirrors, files, cpu) in [
            (Technique.swarm, 1, 10_000, 9.0), (.swarm, 1, 10_000, 0.1), (.swarm, 8, 10_000, 0.2),
            (.rsync, 1, 10_000, 0.2), (.rsync, 8, 10_000, 1.6), (.swarm, 1, 100_000, 0.5), (.rsync, 1, 100_000, 1.5),
        ] {
            var update = Distribution(technique, .update, tree: .tiny(files: files), mirrors: mirrors)
            update.masterCPU = cpu
            updates.append(update)
        }
        let picture = CostPicture.draw(updates)
        #expect(picture.charts.map(\.xLabel) == ["mirrors", "files"])
        let series = try #require(picture.charts.first?.series)
        #expect(series.map(\.name) == ["swarm-mirror", "rsync"])
        #expect(series[0].points.map(\.y) == [0.1, 0.2])
        #expect(picture.charts[1].series[1].points.map(\.x) == [10_000, 100_000])
    }
}
