/// Content-Type by a file's name (RFC 9110, section 8.3).
enum MediaType {
    private static let text = "text/plain; charset=utf-8"
    private static let html = "text/html; charset=utf-8"

    private static let byExtension: [String: String] = [
        "html": html, "htm": html, "txt": text, "text": text, "md": text, "log": text, "asc": text, "sha256": text,
        "changes": text, "dsc": text, "css": "text/css; charset=utf-8", "csv": "text/csv; charset=utf-8",
        "xml": "application/xml", "json": "application/json", "js": "text/javascript; charset=utf-8",
        "pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg",
        "jpeg": "image/jpeg", "gif": "image/gif", "ico": "image/x-icon", "deb": "application/vnd.debian.binary-package",
        "udeb": "application/vnd.debian.binary-package", "rpm": "application/x-rpm", "drpm": "application/x-rpm",
        "gz": "application/gzip", "tgz": "application/gzip", "bz2": "application/x-bzip2", "xz": "application/x-xz",
        "txz": "application/x-xz", "lzma": "application/x-lzma", "zst": "application/zstd", "zip": "application/zip",
        "tar": "application/x-tar", "iso": "application/x-iso9660-image", "torrent": "application/x-bittorrent",
        "gpg": "application/pgp-signature", "sig": "application/pgp-signature",
        "jigdo": "application/x-jigdo", "template": "application/x-jigdo-template",
    ]

    /// Names of text files that have no extension.
    private static let plainNames: Set<String> = [
        "Release", "InRelease", "Packages", "Sources", "Index", "README", "CHANGES", "Changelog", "ChangeLog",
        "COPYING",
        "LICENSE", "MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS", "CHECKSUMS", "MIRRORED.BY", "RECENT",
    ]

    /// The type of the file `name`; unknown ones are bytes.
    static func of(_ name: [UInt8]) -> String {
        let name = String(decoding: name, as: UTF8.self)
        if plainNames.contains(name) { return text }
        let unknown = name.hasPrefix("README.") ? text : "application/octet-stream"
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return unknown }
        return byExtension[name[name.index(after: dot)...].lowercased()] ?? unknown
    }
}
