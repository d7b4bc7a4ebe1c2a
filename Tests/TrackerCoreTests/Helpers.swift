import SwarmCore
import SwarmTestSupport

@testable import TrackerCore

/// The name of a set.
func set(_ text: String) -> SetName {
    guard let name = SetName(text) else { preconditionFailure("\(text) is no name") }
    return name
}

/// A hash with the key of the SipHash paper's test vectors.
let paperHash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
