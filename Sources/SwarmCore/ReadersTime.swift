/// How long readers are let go on with a snapshot that is current no more.
public enum ReadersTime {
    /// Since a switch, on a connection that had begun to read what was current before.
    public static let afterSwitch = Duration.seconds(60)
}
