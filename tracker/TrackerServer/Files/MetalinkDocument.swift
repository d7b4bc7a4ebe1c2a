internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// A Metalink (RFC 5854) of one file: its size, its SHA-256, and where it is, the nearest first.
///
/// librepo, the library under dnf, reads the version before the RFC only. That version stands in the same document, in its
/// own namespace: by RFC 5854 (section 5) readers pass over elements of other namespaces, and librepo passes over what it
/// does not know. aria2 does not pass over them, but says that it reads the RFC's version: then that stands alone.
struct MetalinkDocument {
    /// Of the RFC's version.
    static let mediaType = "application/metalink4+xml"

    var path: String
    var file: KnownFile
    /// Each with the country that it is in, where that is known.
    var places: [(url: String, country: String?)]
    var time: Date
    /// Whether the version before the RFC stands in it as well.
    var hasOldVersion: Bool

    var text: String {
        let name = PageText.escape(path.split(separator: "/").last.map(String.init) ?? path)
        let digest = Hex.encode(file.sha256.bytes)
        var new = ""
        var old = ""
        for (index, place) in places.enumerated() {
            let url = PageText.escape(place.url)
            let scheme = place.url.hasPrefix("https:") ? "https" : "http"
            let country = place.country.map { PageText.escape($0) }
            let lower = country.map { " location=\"\($0.lowercased())\"" } ?? ""
            let upper = country.map { " location=\"\($0.uppercased())\"" } ?? ""
            new += "    <url\(lower) priority=\"\(index + 1)\">\(url)</url>\n"
            old +=
                "        <url protocol=\"\(scheme)\" type=\"\(scheme)\"\(upper) preference=\"\(max(1, 100 - index))\">"
                + "\(url)</url>\n"
        }
        let head = """
            <?xml version="1.0" encoding="UTF-8"?>
            <metalink xmlns="urn:ietf:params:xml:ns:metalink">
              <generator>swarm-tracker/\(Version.current)</generator>
              <published>\(PageText.iso(time))</published>
              <file name="\(name)">
                <size>\(file.size)</size>
                <hash type="sha-256">\(digest)</hash>
            \(new)  </file>

            """
        let oldPart = """
              <files xmlns="http://www.metalinker.org/">
                <file name="\(name)">
                  <mm0:timestamp xmlns:mm0="http://fedorahosted.org/mirrormanager">\(file.mtime)</mm0:timestamp>
                  <size>\(file.size)</size>
                  <verification>
                    <hash type="sha256">\(digest)</hash>
                  </verification>
                  <resources maxconnections="1">
            \(old)      </resources>
                </file>
              </files>

            """
        return head + (hasOldVersion ? oldPart : "") + "</metalink>\n"
    }
}
