namespace OrleansStream.Kafka.Connections;

/// <summary>The bounds of connections of Kafka's protocol.</summary>
internal static class ConnectionLimits
{
    /// <summary>
    /// The longest frame, in bytes without its length field: a produce of the largest size, and room for what is around its records.
    /// </summary>
    public const int FrameBytesMax = (16 + 1) * 1024 * 1024;

    /// <summary>
    /// The longest frame, in bytes, of a client that must sign in and has not yet: what anybody can have the service hold. A token of OAUTHBEARER
    /// fits in.
    /// </summary>
    public const int FrameBytesBeforeSignInMax = FrameBytesAhead;

    /// <summary>
    /// The bytes of a frame that may come before the node's memory for requests is taken for all of it. A length alone takes no memory, and a frame
    /// that is held takes no more than this beside the node's bound.
    /// </summary>
    public const int FrameBytesAhead = 64 * 1024;

    /// <summary>The most connections at once. More are held unread for <see cref="RefusedHold"/>, then closed.</summary>
    public const int ConnectionsMax = 10_000;

    /// <summary>The most connections that are held unread beside these; further ones are closed at once.</summary>
    public const int RefusedConnectionsMax = 2_000;

    /// <summary>The most requests of one connection that are not answered yet; what follows them is not read.</summary>
    public const int RequestsInFlightMax = 100;

    /// <summary>The most bytes of requests of one connection that are not answered yet; what follows them is not read.</summary>
    public const int RequestBytesInFlightMax = 2 * FrameBytesMax;

    /// <summary>How long a connection may have no request under way.</summary>
    public static readonly TimeSpan IdleMax = TimeSpan.FromMinutes(10);

    /// <summary>How long a TLS handshake may take.</summary>
    public static readonly TimeSpan HandshakeMax = TimeSpan.FromSeconds(10);

    /// <summary>The least time between two looks at the files of the endpoint's certificate.</summary>
    public static readonly TimeSpan CertificateLookPause = TimeSpan.FromSeconds(1);

    /// <summary>How long a request may take to come, from its first byte to its last.</summary>
    public static readonly TimeSpan FrameMax = TimeSpan.FromMinutes(2);

    /// <summary>How long a client that reads nothing is waited for before its connection is closed.</summary>
    public static readonly TimeSpan StalledMax = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a refused connection stays open. Clients connect again as soon as it is closed, some of them 20 times a second for ever, so closing
    /// it at once would cost more.
    /// </summary>
    public static readonly TimeSpan RefusedHold = TimeSpan.FromSeconds(5);

    /// <summary>How long a frame waits in its turn for the node's memory before it looks whether its connection is still there.</summary>
    public static readonly TimeSpan NodeFullWait = TimeSpan.FromSeconds(1);
}
