using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>The bytes that were read of a partition for one answer. Their memory counts against the node's until the object is disposed.</summary>
public sealed class PartitionRead : IDisposable
{
    private readonly int _partition;
    private readonly FetchResponse _response;
    private readonly AnswerLoad _load;

    /// <summary>Takes memory of the node for a read.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="response">The partition's answer, which has no error.</param>
    /// <param name="node">The node's memory for answers.</param>
    /// <exception cref="StreamException">The node does not have that much memory.</exception>
    internal PartitionRead(int partition, in FetchResponse response, NodeAnswers node)
    {
        (_partition, _response, _load) = (partition, response, new AnswerLoad(node));
        _load.Take(response.Batches.Length);
    }

    /// <summary>The batches as stored, back to back. The reader must skip records below <see cref="Offset"/> in the first one.</summary>
    public ReadOnlyMemory<byte> Batches => _response.Batches;

    /// <summary>The offset that was read from.</summary>
    public long Offset => _response.Offset;

    /// <summary>The partition's first readable offset.</summary>
    public long LogStartOffset => _response.LogStartOffset;

    /// <summary>The partition's durable end offset.</summary>
    public long HighWatermark => _response.HighWatermark;

    /// <summary>The topic that was read. A reader that names this id is refused once another topic has the name.</summary>
    public Guid? TopicId => _response.TopicId;

    /// <summary>The offset behind all of <see cref="Batches"/>, at which a reader that takes all of them goes on.</summary>
    public long FindNextOffset()
    {
        var next = Offset;
        var scanner = new RecordBatchScanner(Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
            next = Math.Max(next, scanner.Header.BaseOffset + scanner.Header.LastOffsetDelta + 1);
        return next;
    }

    /// <summary>Opens the batches to get their records. Call it once.</summary>
    /// <exception cref="StreamException">The node has no memory to decompress the first batch.</exception>
    public RecordWalk OpenRecords() => new(_partition, _response, _load);

    /// <inheritdoc/>
    public void Dispose() => _load.Dispose();
}
