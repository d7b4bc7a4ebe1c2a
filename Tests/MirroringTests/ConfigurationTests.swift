import Mirroring

let debianKey = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"

/// A set with what it needs and no more, in lines 1 to 5.
let goodSet = """
    [[set]]
    name = "debian"
    root = "/srv/debian"
    upstream = "https://master.example.org"
    key = "\(debianKey)"

    """

/// Tests of the text of a node's configuration.
protocol ConfigurationTests {}

extension ConfigurationTests {
    /// What is read of a text.
    func configuration(_ text: String) throws -> NodeConfiguration {
        try NodeConfiguration(text: text, file: "node.toml")
    }

    /// The lines of the error that reading gives; none when it succeeds.
    func problems(_ text: String) -> [String] {
        do {
            _ = try configuration(text)
            return []
        } catch {
            return "\(error)".split(separator: "\n").map { String($0) }
        }
    }
}
