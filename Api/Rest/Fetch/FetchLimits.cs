using OrleansStream.Partitions;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Fetch;

/// <summary>The bounds of requests that fetch records or follow a topic.</summary>
internal static class FetchLimits
{
    /// <summary>The records in the answer to a fetch when the request does not say.</summary>
    public const int FetchRecordsDefault = 1_000;

    /// <summary>The most records in the answer to a fetch.</summary>
    public const int FetchRecordsMax = 10_000;

    /// <summary>The most records that a fetch with a filter looks at. The next fetch goes on there.</summary>
    public const int FilteredRecordsMax = 20_000;

    /// <summary>The bytes of records, decompressed, behind which a fetch with a filter looks at no more. The next fetch goes on there.</summary>
    public const int FilteredBytesMax = 8 * 1024 * 1024;

    /// <summary>The bytes of records that a fetch with a filter looks at before it lets others have the thread.</summary>
    public const int FilteredBytesPerTurn = 256 * 1024;

    /// <summary>The most characters of a text by which records are filtered.</summary>
    public const int FilterLengthMax = 200;

    /// <summary>The most bytes of a record that a filter decodes at once.</summary>
    public const int FilterPieceLength = 4 * 1024;

    /// <summary>The most bytes of batches that a fetch reads, which is what one grain call may carry.</summary>
    public const int FetchBytesMax = PartitionLimits.FetchBytesMax;

    /// <summary>The longest wait of a fetch, in milliseconds. It is below the response timeout of a grain call (30 s).</summary>
    public const int FetchWaitMsMax = PartitionLimits.FetchWaitMsMax;

    /// <summary>The highest limit of events that a live tail may have.</summary>
    public const int TailRecordsMax = 1_000_000_000;

    /// <summary>
    /// The longest resume token, in bytes, that is sent with every event. A longer one, of a topic with many partitions, is sent only with the last
    /// event of each write.
    /// </summary>
    public const int TailTokenPerEventBytes = 256;

    /// <summary>The longest resume token that is accepted, in bytes. A request's headers have room for it and for others.</summary>
    public const int TailTokenBytesMax = HttpLimits.RequestHeaderBytesMax - 8 * 1024;
}
