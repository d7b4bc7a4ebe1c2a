import SwarmCore
import SwarmTestSupport

@testable import TrackerCore

/// An info-hash of one repeated byte.
func hash(_ byte: UInt8) -> InfoHash {
    guard let hash = InfoHash(bytes: [UInt8](repeating: byte, count: 20)) else { preconditionFailure("20 bytes") }
    return hash
}

/// An address from its text.
func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

/// The name of a set.
func set(_ text: String) -> SetName {
    guard let name = SetName(text) else { preconditionFailure("\(text) is no name") }
    return name
}

/// A hash with the key of the SipHash paper's test vectors.
let paperHash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
