using OrleansStream.Partitions;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Fetch;

/// <summary>The bounds of requests that fetch or follow.</summary>
internal static class FetchLimits
{
    /// <summary>Records in a fetch answer when the request does not say.</summary>
    public const int FetchRecordsDefault = 1_000;

    /// <summary>The most records in a fetch answer.</summary>
    public const int FetchRecordsMax = 10_000;

    /// <summary>The most bytes of batches read for a fetch: what one grain call may carry.</summary>
    public const int FetchBytesMax = PartitionLimits.FetchBytesMax;

    /// <summary>The longest wait of a fetch, in milliseconds: below the response timeout of a grain call (30 s).</summary>
    public const int FetchWaitMsMax = PartitionLimits.FetchWaitMsMax;

    /// <summary>The most events a live tail may be limited to.</summary>
    public const int TailRecordsMax = 1_000_000_000;

    /// <summary>
    /// The longest resume token that comes with every event, in bytes; a longer one (a topic of many partitions) comes with the
    /// last event of each write.
    /// </summary>
    public const int TailTokenPerEventBytes = 256;

    /// <summary>The longest resume token that is read back, in bytes: a request's headers have room for it and for others.</summary>
    public const int TailTokenBytesMax = HttpLimits.RequestHeaderBytesMax - 8 * 1024;
}
