using OrleansStream.Errors;

namespace OrleansStream.Topics.Routing;

/// <summary>The memory of all records that this process writes anew before they are stored, and its bound.</summary>
/// <remarks>
/// A node admits a request by the bytes that were sent. Compressed batches may unfold to a thousand times as much, and records that are divided over
/// partitions, or compressed otherwise, are held unfolded until their request is answered. Safe to call from any thread.
/// </remarks>
/// <param name="bytesMax">The most bytes.</param>
internal sealed class RewriteMemory(long bytesMax = TopicGrainLimits.RewriteBytesMaxOfProcess)
{
    private long _takenBytes;

    /// <summary>The bytes that are taken now.</summary>
    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <summary>Takes memory.</summary>
    /// <param name="lengthBytes">How much.</param>
    /// <exception cref="StreamException">There is too little left now.</exception>
    public void Take(int lengthBytes)
    {
        for (var taken = TakenBytes; ;)
        {
            if (lengthBytes > (bytesMax - taken) / TopicGrainLimits.RewritePartOfFree)
                throw Full(taken);
            var before = Interlocked.CompareExchange(ref _takenBytes, taken + lengthBytes, taken);
            if (before == taken)
                return;
            taken = before;
        }
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="lengthBytes">How much.</param>
    public void Return(long lengthBytes) => Interlocked.Add(ref _takenBytes, -lengthBytes);

    private StreamException Full(long takenBytes) => new(new StreamError(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"The server divides or compresses {takenBytes} bytes of records just now; it takes at most {bytesMax}, and of one batch a part of what is free.")
    {
        RetryAfterMs = (int)TopicGrainLimits.RewriteRetryAfter.TotalMilliseconds,
    });
}

/// <summary>What one request has taken of the memory for records that are written anew. Disposing gives all of it back.</summary>
/// <param name="memory">The memory.</param>
internal sealed class RewriteRoom(RewriteMemory memory) : IDisposable
{
    private UnfoldedLength _length;
    private long _takenBytes;

    /// <summary>Takes memory for the records of a batch.</summary>
    /// <param name="lengthBytes">The records' length once they are decompressed.</param>
    /// <exception cref="StreamException">They are too many for one request, or there is too little memory left now.</exception>
    public void Take(int lengthBytes)
    {
        _length.Add(lengthBytes);
        TakeMemory(lengthBytes);
    }

    /// <summary>Takes memory that holds no records, for instance what a buffer has beyond them.</summary>
    /// <param name="lengthBytes">How much.</param>
    /// <exception cref="StreamException">There is too little memory left now.</exception>
    public void TakeMemory(int lengthBytes)
    {
        memory.Take(lengthBytes);
        _takenBytes += lengthBytes;
    }

    /// <summary>Gives memory back before the request is answered.</summary>
    /// <param name="lengthBytes">How much.</param>
    public void ReturnMemory(int lengthBytes)
    {
        memory.Return(lengthBytes);
        _takenBytes -= lengthBytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        memory.Return(_takenBytes);
        _takenBytes = 0;
    }
}

/// <summary>Counts what the batches of one request unfold to while they are read, and bounds it: a few bytes may unfold to very many.</summary>
internal struct UnfoldedLength
{
    private long _bytes;

    /// <summary>Adds the records of a batch.</summary>
    /// <param name="lengthBytes">Their length once they are decompressed.</param>
    /// <exception cref="StreamException">The request has too many bytes of records.</exception>
    public void Add(int lengthBytes)
    {
        _bytes += lengthBytes;
        if (_bytes <= TopicLimits.UnfoldedBytesMax)
            return;
        throw new StreamException(new StreamError(
            StreamErrorCode.RecordListTooLarge,
            $"The request carries {_bytes} or more bytes of records once they are decompressed; at most {TopicLimits.UnfoldedBytesMax} are divided over "
            + "partitions, or compressed as the topic asks for. Send fewer at once.")
        {
            Field = "records",
        });
    }
}
