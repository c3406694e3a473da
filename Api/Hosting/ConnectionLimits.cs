namespace OrleansStream.Api.Hosting;

/// <summary>The bounds of connections, whatever is spoken on them.</summary>
internal static class ConnectionLimits
{
    /// <summary>The most connections at once. One beyond is closed at once.</summary>
    public const int ConnectionsMax = 10_000;

    /// <summary>How long the head of a request may take from its first byte on; beyond it the answer is 408. A client sends it as a whole.</summary>
    public static readonly TimeSpan RequestHeadTimeMax = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection without a request is kept: longer than the two minutes after which proxies close theirs.</summary>
    public static readonly TimeSpan IdleTimeMax = TimeSpan.FromSeconds(130);

    /// <summary>The length of the memory that a connection receives into, and sends from, at a time, in bytes.</summary>
    public const int ConnectionBlockBytes = 64 * 1024;

    /// <summary>The most of these, 64 MiB in all: the connections beyond use 4 KiB at a time.</summary>
    public const int ConnectionBlocksMax = 1_024;
}
