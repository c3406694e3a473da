namespace OrleansStream.Api.Hosting;

/// <summary>The bounds of connections, whatever is spoken on them.</summary>
internal static class ConnectionLimits
{
    /// <summary>The most connections at once.</summary>
    public const int ConnectionsMax = 10_000;

    /// <summary>The length of the memory that a connection receives into, and sends from, at a time, in bytes.</summary>
    public const int ConnectionBlockBytes = 64 * 1024;

    /// <summary>The most of these, 64 MiB in all: the connections beyond use 4 KiB at a time.</summary>
    public const int ConnectionBlocksMax = 1_024;
}
