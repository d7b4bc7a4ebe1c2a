/// The version of this software.
public enum Version {
    /// In the form of Semantic Versioning 2.0.
    public static let current = "0.1.0"
}
