namespace OrleansStream.Partitions;

/// <summary>Bounds of the calls to a partition.</summary>
public static class PartitionLimits
{
    /// <summary>The longest wait of one fetch, in milliseconds; a caller that wants to wait longer asks again.</summary>
    public const int FetchWaitMsMax = 20_000;

    /// <summary>The most bytes of one fetch, but for a single larger batch: far below what a connection between silos carries.</summary>
    public const int FetchBytesMax = 4 * 1024 * 1024;

    /// <summary>When a fetch call is given up: the longest wait, and time to open the log.</summary>
    public const string FetchTimeout = "00:00:35";

    /// <summary>When a fetch call through the router is given up: later than its own call, so that it can answer.</summary>
    public const string RoutedFetchTimeout = "00:00:45";
}
