using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>What was read of a partition for one answer. Its memory counts as the node's until it is disposed.</summary>
public sealed class PartitionRead : IDisposable
{
    private readonly int _partition;
    private readonly FetchResponse _response;
    private readonly AnswerLoad _load;

    /// <summary>Takes the memory of a read.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="response">What it answered, without an error.</param>
    /// <param name="node">The node's memory for answers.</param>
    /// <exception cref="StreamException">There is not as much.</exception>
    internal PartitionRead(int partition, in FetchResponse response, NodeAnswers node)
    {
        (_partition, _response, _load) = (partition, response, new AnswerLoad(node));
        _load.Take(response.Batches.Length);
    }

    /// <summary>The batches as they are stored, back to back. Records below <see cref="Offset"/> in the first one are to be passed over.</summary>
    public ReadOnlyMemory<byte> Batches => _response.Batches;

    /// <summary>The offset that was read from.</summary>
    public long Offset => _response.Offset;

    /// <summary>The partition's first readable offset.</summary>
    public long LogStartOffset => _response.LogStartOffset;

    /// <summary>The partition's durable end offset.</summary>
    public long HighWatermark => _response.HighWatermark;

    /// <summary>The topic that was read: a reader that names it is refused once another topic has the name.</summary>
    public Guid? TopicId => _response.TopicId;

    /// <summary>The offset behind all of <see cref="Batches"/>, where a reader that takes them whole goes on.</summary>
    public long FindNextOffset()
    {
        var next = Offset;
        var scanner = new RecordBatchScanner(Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
            next = Math.Max(next, scanner.Header.BaseOffset + scanner.Header.LastOffsetDelta + 1);
        return next;
    }

    /// <summary>Opens the batches for their records. To be called once.</summary>
    /// <exception cref="StreamException">The node has no memory to unfold the first one.</exception>
    public RecordWalk OpenRecords() => new(_partition, _response, _load);

    /// <inheritdoc/>
    public void Dispose() => _load.Dispose();
}
