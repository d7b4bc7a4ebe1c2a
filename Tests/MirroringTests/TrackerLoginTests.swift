import Mirroring
import SwarmCore
import Testing

struct TrackerLoginTests {
    private let login = TrackerLogin(
        endpoints: [Endpoint(host: "tracker.example.org", port: 6969), Endpoint(host: "2001:db8::1", port: 443)],
        token: "0123abcd")

    @Test(
        "announce URLs of the node's tracker get the token",
        arguments: [
            ("udp://tracker.example.org:6969/announce", "udp://tracker.example.org:6969/announce/0123abcd"),
            ("udp://tracker.example.org:6969", "udp://tracker.example.org:6969/announce/0123abcd"),
            ("udp://tracker.example.org:6969/", "udp://tracker.example.org:6969/announce/0123abcd"),
            ("HTTP://Tracker.Example.ORG:6969/announce?x=1", "HTTP://Tracker.Example.ORG:6969/announce/0123abcd?x=1"),
            ("https://[2001:db8::1]/announce", "https://[2001:db8::1]/announce/0123abcd"),
        ])
    func own(announce: String, expected: String) { #expect(login.url(announce) == expected) }

    @Test(
        "no other URL gets it, whatever a feed names",
        arguments: [
            "udp://other.example.org:6969/announce", "udp://tracker.example.org:6970/announce",
            "http://tracker.example.org/announce", "https://tracker.example.org/announce",
            "udp://tracker.example.org.evil.example:6969/announce",
            "udp://tracker.example.org:6969@evil.example/announce",
            "http://tracker.example.org:6969/announce/ffff", "http://tracker.example.org:6969/other",
            "http://tracker.example.org:6969", "http://evil.example/?tracker.example.org:6969/announce",
            "wss://tracker.example.org:6969/announce", "http://[2001:db8::1]/announce", "", "udp://",
        ])
    func foreign(announce: String) { #expect(login.url(announce) == announce) }
}
