internal import FileTree

/// For how long it makes sense to wait for something that goes wrong again and again. It decides for those who want one
/// synchronisation and an end; a daemon tries for ever. Pure: the time is handed in.
struct Patience: Sendable {
    /// From the first failure of a row to the last attempt.
    static let limit = Duration.seconds(60)

    private var firstFailure: ContinuousClock.Instant?
    /// Why further waiting is in vain; nil while it is not.
    private(set) var end: String?

    /// Things go on: what went wrong before does not count any more.
    mutating func succeeded() { self = Patience() }

    /// An attempt failed.
    ///
    /// - Parameters:
    ///   - pause: the time to the next attempt.
    ///   - isHopeless: whether the next attempt would end in the same way, as far as one can tell.
    mutating func failed(
        _ reason: String, at now: ContinuousClock.Instant, pause: Duration, isHopeless: Bool
    ) {
        let first = firstFailure ?? now
        firstFailure = first
        if isHopeless || now + pause - first > Self.limit { end = reason }
    }

    /// Whether trying again is in vain until somebody does something about it.
    static func isHopeless(_ error: any Error) -> Bool {
        switch error {
        case let error as MirrorError: [.noSpace, .untrusted, .shrunk].contains(error.code)
        case let error as FileError: error.isFull
        default: false
        }
    }
}
