import SwarmCore
import Testing

struct IPAddressTests {
    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"),
            ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"), ("2001:db8::", "2001:db8::"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ])
    func parsesAndPrints(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(
        arguments: [
            "", ":", ":::", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1:2:3:4:5:6:7", "::1::",
            "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1.2.3.4::", "+1::", "fe80::1%eth0", "1:2:3:4:5:6:7:8::",
        ])
    func refuses(text: String) { #expect(IPAddress(text) == nil) }

    @Test func comesFromBytes() {
        #expect(IPAddress(bytes: [192, 0, 2, 1]) == IPAddress(v4: 0xc000_0201))
        #expect(IPAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]) == IPAddress("192.0.2.1"))
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test func prefixesContain() throws {
        let net = try #require(IPPrefix("192.0.2.0/24"))
        #expect(net.contains(try #require(IPAddress("192.0.2.255"))))
        #expect(!net.contains(try #require(IPAddress("192.0.3.0"))))
        #expect(!net.contains(try #require(IPAddress("2001:db8::1"))))
        let wide = try #require(IPPrefix("2001:db8::/33"))
        #expect(wide.contains(try #require(IPAddress("2001:db8:7fff::1"))))
        #expect(!wide.contains(try #require(IPAddress("2001:db8:8000::1"))))
        #expect(IPPrefix("::/0")?.contains(try #require(IPAddress("192.0.2.1"))) == true)
        #expect(IPPrefix("2001:db8::1")?.description == "2001:db8::1/128")
        #expect(net.description == "192.0.2.0/24")
    }

    @Test func prefixesAreMerged() throws {
        func merged(_ texts: String...) throws -> [String] {
            IPPrefix.merged(try texts.map { try #require(IPPrefix($0)) }).map(\.description)
        }
        #expect(try merged() == [])
        #expect(try merged("192.0.2.128/25", "192.0.2.0/25", "192.0.3.0/24") == ["192.0.2.0/23"])
        // Neighbours that are no halves of one block, and blocks inside of others.
        #expect(try merged("192.0.3.0/24", "192.0.4.0/24") == ["192.0.3.0/24", "192.0.4.0/24"])
        #expect(try merged("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "10.2.3.4") == ["10.0.0.0/8"])
        #expect(try merged("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1") == ["::/0"])
        #expect(try merged("0.0.0.0/1", "128.0.0.0/1") == ["0.0.0.0/0"])
        let address = try #require(IPAddress("192.0.2.77"))
        #expect(IPPrefix(address, bits: 96 + 24).description == "192.0.2.0/24")
    }

    @Test(arguments: ["192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "x/8", ""])
    func refusesPrefix(text: String) { #expect(IPPrefix(text) == nil) }
}
