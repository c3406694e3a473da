namespace OrleansStream.Partitions;

/// <summary>Bounds of the calls to a partition.</summary>
public static class PartitionLimits
{
    /// <summary>The longest wait of one fetch, in milliseconds. A caller that wants to wait longer asks again.</summary>
    public const int FetchWaitMsMax = 20_000;

    /// <summary>The most bytes of one fetch, unless a single batch is larger. It is far below what a connection between silos carries.</summary>
    public const int FetchBytesMax = 4 * 1024 * 1024;

    /// <summary>When a fetch call is given up: after the longest wait, and the time to open the log.</summary>
    public const string FetchTimeout = "00:00:35";

    /// <summary>When a fetch call through the router is given up: later than the router's own call, so that the router can answer.</summary>
    public const string RoutedFetchTimeout = "00:00:45";
}
