using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// The batches read from many partitions for one answer. They count against the node's memory for answers until this object is disposed.
/// </summary>
public sealed class PartitionSetRead : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FetchResponse[] _responses;
    private readonly AnswerLoad _load;

    /// <summary>Creates a result in which no partition has been read yet.</summary>
    /// <param name="count">The count of partitions.</param>
    /// <param name="node">The node's memory for answers.</param>
    internal PartitionSetRead(int count, NodeAnswers node) => (_responses, _load) = (new FetchResponse[count], new AnswerLoad(node));

    /// <summary>The response of each partition, in the order of the request. A response has no batches if there was no room for them.</summary>
    public IReadOnlyList<FetchResponse> Responses => _responses;

    /// <summary>The bytes of all batches.</summary>
    public int Bytes { get; private set; }

    /// <summary>True when a partition could not be read.</summary>
    public bool HasErrors { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => _load.Dispose();

    /// <summary>Drops all responses and returns their memory.</summary>
    internal void Clear()
    {
        Array.Clear(_responses);
        (Bytes, HasErrors) = (0, false);
        _load.Dispose();
    }

    /// <summary>Keeps a partition's response, without its batches if they no longer fit.</summary>
    /// <param name="index">The partition's place in the request.</param>
    /// <param name="response">The partition's response.</param>
    /// <param name="bytesMax">The most bytes of all batches together. The batches of the first response may be larger.</param>
    internal void Add(int index, in FetchResponse response, int bytesMax)
    {
        lock (_gate)
        {
            var length = response.Batches.Length;
            var fits = length > 0 && (Bytes == 0 || Bytes + length <= bytesMax) && _load.TryTake(length);
            _responses[index] = fits ? response : response with { Batches = default };
            Bytes += fits ? length : 0;
            HasErrors |= response.Error is not null;
        }
    }

    /// <summary>Keeps a response without batches.</summary>
    /// <param name="index">The partition's place in the request.</param>
    /// <param name="response">The partition's response.</param>
    internal void Set(int index, in FetchResponse response) => Add(index, response, bytesMax: 0);
}
